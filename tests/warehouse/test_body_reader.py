"""Bodies of single responses, read by their numbers."""

from datetime import date, timedelta

import pytest

from tests.support.toy_decoder import DATASET, answer
from warehouse.archive.body_reader import BodyReader
from warehouse.archive.compaction import compact
from warehouse.lake import Lake

DAY = date(2025, 3, 1)


@pytest.fixture
def lake(tmp_path):
    with Lake(tmp_path / "data") as opened:
        yield opened


def fill(lake):
    """Archive 3 segments of 2 devices, of which equal bodies are stored once; return all bodies."""
    bodies = {}
    for number in range(3):
        for device in ("A", "B"):
            entries = [
                answer(device, DAY + timedelta(days=number), [{"of": device, "n": n // 2}])
                for n in range(4)
            ]
            for each in entries:
                (response_id,) = lake.archive.append([each])
                bodies[response_id] = (device, number + 1, each.body)
        lake.archive.flush()
    return bodies


@pytest.mark.parametrize("kept_bytes", [0, 1 << 20])
@pytest.mark.parametrize("is_segment_known", [True, False])
def test_bodies_are_found_in_segments_and_packs(lake, kept_bytes, is_segment_known):
    bodies = fill(lake)
    reader = BodyReader(lake.archive, kept_bytes=kept_bytes)
    for _ in range(2):
        for device in ("A", "B"):
            wanted = {
                number: segment if is_segment_known else None
                for number, (of, segment, _) in bodies.items()
                if of == device
            }
            found = reader.bodies(DATASET, device, wanted)
            assert found == {number: bodies[number][2] for number in wanted}
        # The files that were open are merged into one.
        compact(lake.archive)
    assert len(list(lake.archive.packs.iterdir())) == len(lake.archive.files()) == 1
    reader.close()


def test_what_is_gone_or_of_another_device_is_left_out(lake):
    bodies = fill(lake)
    reader = BodyReader(lake.archive)
    (number, (_, segment, _)) = next(iter(bodies.items()))
    for wanted in ({number: None}, {number: segment}):
        assert reader.bodies(DATASET, "Z", wanted) == {}
        assert reader.bodies("other", "A", wanted) == {}
    assert reader.bodies(DATASET, "A", {number + 10**9: None, number: 999}) == {}
    assert reader.bodies(DATASET, "A", {}) == {}
