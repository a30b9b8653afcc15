"""Recorded days are served as they are. Skipped where there are no recordings."""

import json

import pytest

from simulator import Simulator, SimulatorConfig
from tests.simulator.recorded_samples import SAMPLES

RECORDED = sorted(SAMPLES.glob("inverter_data_points_*.json")) if SAMPLES.is_dir() else []
ABSENT = pytest.mark.skipif(not RECORDED, reason="no recordings on this machine")


@ABSENT
def test_a_whole_day_is_byte_for_byte_the_recording(ask):
    with Simulator(SimulatorConfig(recordings=SAMPLES, seed=99)) as sim:
        for file in RECORDED:
            date = file.stem.removeprefix("inverter_data_points_")
            day = f"/inverter/{sim.serials[0]}/data-points/{date}"
            assert ask(sim, f"{day}?pageSize=100000").content == file.read_bytes()
            assert sim.truth(sim.serials[0], date) == json.loads(file.read_bytes())["data"]
            other = sim.truth(sim.serials[1], date)
            assert other != sim.truth(sim.serials[0], date)


@ABSENT
def test_small_pages_of_a_recording_add_up_to_it(ask):
    recorded = json.loads(RECORDED[0].read_bytes())["data"]
    date = RECORDED[0].stem.removeprefix("inverter_data_points_")
    with Simulator(SimulatorConfig(recordings=SAMPLES)) as sim:
        rows = []
        for page in (1, 2, 3):
            query = {"page": page, "pageSize": 600}
            body = ask(sim, f"/inverter/{sim.serials[0]}/data-points/{date}", params=query).json()
            rows += body["data"]
        assert rows == recorded
        assert body["meta"]["total"] == len(recorded)


def test_a_recording_that_is_made_up(tmp_path, ask):
    body = b'{"data": [{"time":"2020-02-02T00:00:00Z", "x": 1.50}], "meta": {"total": 1}}'
    (tmp_path / "inverter_data_points_2020-02-02.json").write_bytes(body)
    with Simulator(SimulatorConfig(recordings=tmp_path)) as sim:
        day = f"/inverter/{sim.serials[0]}/data-points/2020-02-02"
        assert ask(sim, day).content == body
        assert ask(sim, f"{day}?page=2").json()["data"] == []
