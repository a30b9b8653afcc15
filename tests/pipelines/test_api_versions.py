"""A backfill against each version of the API: every table value by value, and no wasted request."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from assets.registry import datasets
from simulator import Simulator, SimulatorConfig
from simulator.config import API_VERSIONS
from tests.support import clock
from tests.support.minimum_requests import known_surplus, minimum_requests
from tests.support.owner import CommandResult, Owner
from tests.support.table_comparison import compare_tables

pytestmark = pytest.mark.slow

DAYS = 3
# An owner has no child accounts and may not read the status of a site.
NOT_FOR_OWNERS = {"account_children", "site_statuses"}
# What this home may have nothing of: a day of events comes about once a month, and
# locks come every other day.
MAY_BE_EMPTY = {"inverter_events", "locks"}
# Why a backfill of this home leaves a table empty, so that there is nothing to compare.
NOT_COMPARED = {
    "account_children": "an owner has no child accounts",
    "account_devices": "it has the devices of child accounts",
    "site_statuses": "an owner may not read them",
    "sso_accounts": "it is off unless it is named",
    "inverter_setting_values": "it asks inverters, which is off unless settings are chosen",
    "inverter_setting_reads": "it asks inverters, which is off unless settings are chosen",
}


@dataclass
class Filled:
    """A small home, fetched whole."""

    sim: Simulator
    owner: Owner
    start: date
    planned: int
    done: CommandResult


@pytest.fixture(scope="module", params=API_VERSIONS)
def home(request, tmp_path_factory):
    """Fetch 2 inverters, an EMS, a charger and a smart device from a version of the API."""
    with clock.at(datetime.now(UTC)) as begun:
        # So far ahead that the client goes by it, however long the backfill takes.
        now = begun.replace(microsecond=0) + timedelta(hours=1)
        start = now.date() - timedelta(days=DAYS)
        config = SimulatorConfig(
            inverters=2,
            gateways=0,
            ems=1,
            ev_chargers=1,
            smart_devices=1,
            seed=7,
            rate_limit=100_000,
            rows_per_day=60,
            ev_points_every_s=3600,
            smart_points_every_s=43_200,
            meter_rows_every_s=3600,
            commissioned=start,
            clock=now,
            api_version=request.param,
        )
        with Simulator(config) as sim:
            settings = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": ""}
            owner = Owner(tmp_path_factory.mktemp("owner"), settings, token=sim.token)
            plan = owner.givlake("plan", "--format", "json")
            assert plan.status == 0, plan.output
            sim.clear_requests()
            done = owner.givlake("backfill")
            assert done.status == 0, done.output
            yield Filled(sim, owner, start, json.loads(plan.out)["total_requests"], done)


def lacking_in(sim):
    """Return the datasets whose endpoint a later version of the API added."""
    return {each.name for each in datasets() if not sim.config.has_version(each.endpoint.since)}


def test_every_table_has_what_the_api_has_value_by_value(home):
    compared = {each.table: each for each in compare_tables(home.sim, home.owner.data, home.start)}
    assert {name: each.differing for name, each in compared.items() if each.differing} == {}
    assert {name for name, each in compared.items() if each.rows != each.truth} == set()
    lacking = lacking_in(home.sim)
    empty = {name for name, each in compared.items() if not each.rows}
    assert empty - MAY_BE_EMPTY == (lacking & compared.keys()) - MAY_BE_EMPTY
    assert sum(each.values for each in compared.values()) > 50_000


def test_every_table_is_compared_or_empty_for_a_known_reason(home):
    names = {table.name for dataset in datasets() for table in dataset.output_tables}
    compared = {each.table for each in compare_tables(home.sim, home.owner.data, home.start)}
    assert names - compared == NOT_COMPARED.keys()
    assert [name for name in NOT_COMPARED if home.owner.sql(f'FROM "{name}" LIMIT 1')] == []


def test_the_comparison_finds_what_differs(home):
    serial = home.sim.serials[0]
    first, *others = home.sim.truth_of("presets", serial)
    home.sim.set_listing("presets", serial, [{**first, "name": "Other"}, *others[1:]])
    try:
        compared = compare_tables(home.sim, home.owner.data, home.start)
    finally:
        home.sim.set_listing("presets", serial, None)
    (found,) = (each.differing for each in compared if each.table == "inverter_presets")
    assert len(found) == 2
    assert found[0].startswith("inverter_presets.name: ")
    assert found[1].startswith("inverter_presets: a row of its own, ")


def test_what_is_quarantined_is_repeated_data_points(home):
    assert home.owner.sql("SELECT DISTINCT dataset, reason FROM quarantine") == [
        {"dataset": "inverter_data_points", "reason": "duplicate_key"}
    ]


def test_requests_are_those_that_the_api_requires(home):
    counted = {
        row["dataset"]: row["number"]
        for row in home.owner.sql("SELECT dataset, count(*) AS number FROM requests GROUP BY ALL")
    }
    # The account is requested once more, to tell whose token it is.
    assert len(home.sim.requests) == sum(counted.values()) + 1
    minimum, surplus = minimum_requests(home.sim, DAYS), known_surplus(home.sim)
    expected = {name: number + surplus.get(name, 0) for name, number in minimum.items()}
    assert {name: counted.get(name, 0) for name in expected} == expected
    assert all(counted.get(name, 0) <= 1 for name in lacking_in(home.sim))
    assert home.sim.commands_received == 0


def test_a_plan_tells_the_number_of_requests(home):
    assert len(home.sim.requests) == pytest.approx(home.planned, abs=2)


def test_what_a_version_lacks_is_one_line_and_no_failure(home):
    (line,) = (
        line
        for line in home.done.out.splitlines()
        if line.startswith("Not offered by this account: ")
    )
    names = line.removeprefix("Not offered by this account: ").partition(" (")[0]
    not_offered, lacking = set(names.split(", ")), lacking_in(home.sim)
    assert NOT_FOR_OWNERS <= not_offered <= NOT_FOR_OWNERS | lacking
    if home.sim.config.api_version == "1.26":
        assert "inverter_grid_meter_readings" in not_offered
