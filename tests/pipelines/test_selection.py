"""Which datasets run, and when the schedules start what."""

import pytest

from assets.registry import datasets
from pipelines.definitions_factory import build_definitions
from pipelines.selection import selected
from tests.support.settings import settings_of

OFF = {"inverter_setting_values"}
ALL = {dataset.name for dataset in datasets() if not dataset.on_request} - OFF
LATEST = {"inverter_system_readings", "inverter_meter_readings"}
LIST = "communication_devices"


@pytest.mark.parametrize(
    ("setting", "running"),
    [
        ("", ALL),
        ("energy_flows", {"energy_flows", LIST}),
        ("-inverter_system_readings, -inverter_meter_readings", ALL - LATEST),
        ("energy_flows,sites,-sites", {"energy_flows", LIST}),
        (f"-{LIST}", ALL),
    ],
)
def test_datasets_are_named_or_left_out(setting, running):
    chosen = [dataset.name for dataset in selected(settings_of({"GIVLAKE_DATASETS": setting}))]
    assert set(chosen) == running
    assert len(chosen) == len(running)


@pytest.mark.parametrize("every", ["weekly", "Daily"])
@pytest.mark.parametrize("setting", ["", *OFF])
def test_what_asks_devices_runs_if_it_is_on_with_the_definitions_that_it_needs(setting, every):
    environment = {"GIVLAKE_DATASETS": setting, "GIVLAKE_READ_SETTINGS": every}
    chosen = {dataset.name for dataset in selected(settings_of(environment))}
    needed = OFF | {LIST, "inverter_setting_definitions"}
    assert chosen == (needed if setting else ALL | OFF)


@pytest.mark.parametrize(
    ("minutes", "cron"),
    [(None, "*/15 * * * *"), ("5", "*/5 * * * *"), ("60", "0 * * * *"), ("1", "*/1 * * * *")],
)
def test_polls_come_as_often_as_is_set(tmp_path, minutes, cron):
    environment = {"GIVLAKE_DATA": str(tmp_path), "GIVLAKE_DATASETS": "ems_readings"}
    if minutes:
        environment["GIVLAKE_POLL_MINUTES"] = minutes
    definitions = build_definitions(settings_of(environment))
    assert definitions.resolve_schedule_def("poll").cron_schedule == cron
