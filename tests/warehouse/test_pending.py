"""What is archived and not in the tables is seen by whoever reads, and built by whoever writes."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.table_content import content_of
from tests.support.toy_decoder import DATASET, ToyDecoder, answer, coverage, day_rows
from warehouse.catalogue import publish
from warehouse.connection import connect
from warehouse.coverage import CoverageRule, refresh_coverage
from warehouse.errors import StoreError
from warehouse.index.watermarks import pending_responses, publish_watermarks
from warehouse.lake import EXPECTED_SCHEMA, Lake
from warehouse.tables.build import build, build_pending, rebuild
from warehouse.verification.integrity import Remedy, check
from warehouse.verification.manifest import make_manifest
from warehouse.verification.verify import verify

KILLED = ("-m", "tests.support.killed")
WORKER = "tests.support.stores_worker"
DECODER = ToyDecoder()
RULES = [CoverageRule(DATASET, 1)]
DAY = date(2025, 6, 1)
DAYS = [DAY + timedelta(days=at) for at in range(40)]
EXPECTED = [
    {"dataset": DATASET, "device_id": device, "first_date": DAY, "last_date": DAYS[-1]}
    for device in ("A", "B", "C")
]


def kill_at(step: str, skip: int, folder: Path, work: str) -> None:
    """Let a worker end itself at a step."""
    command = [sys.executable, *KILLED, step, skip, WORKER, folder, work, skip]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def unbuilt(folder: Path) -> list[tuple[str, date]]:
    """Find device and day of each archived answer that no build has accounted for, by DuckDB."""
    archived = f"read_parquet('{folder}/archive/*/*.parquet', union_by_name = true)"
    accounted = f"'{folder}/index/row_accounting/**/*.parquet'"
    with duckdb.connect() as connection:
        return connection.execute(
            f"SELECT DISTINCT ON (response_id) device_id, request_date FROM {archived}"
            f" WHERE outcome = 'ok' AND response_id NOT IN (SELECT response_id FROM {accounted})"
        ).fetchall()


@pytest.fixture
def begun(folder: Path) -> Path:
    """Make a folder with answers of which some came in after the tables were built."""
    with Lake(folder) as lake:
        lake.expect(pa.Table.from_pylist(EXPECTED, EXPECTED_SCHEMA))
        lake.archive.append([answer("A", DAY, day_rows(DAY, 24))])
        publish(lake, DECODER.tables)
        build(lake, DECODER)
        refresh_coverage(lake, RULES)
    return folder


@pytest.mark.parametrize(
    ("step", "skip", "work"),
    [
        pytest.param("answer in memory", 1, "put", marks=pytest.mark.slow),
        pytest.param("segment written", 1, "put", marks=pytest.mark.slow),
        ("answers archived", 2, "put"),
        pytest.param("build begun", 3, "rebuild", marks=pytest.mark.slow),
        pytest.param("table staged", 1, "put", marks=pytest.mark.slow),
        ("journal written", 1, "put"),
        pytest.param("table built", 1, "put", marks=pytest.mark.slow),
        pytest.param("requests decided", 0, "put", marks=pytest.mark.slow),
        pytest.param("coverage staged", 0, "put", marks=pytest.mark.slow),
        ("segment published", 3, "compact"),
        pytest.param("catalogue in place", 0, "catalogue", marks=pytest.mark.slow),
    ],
)
@pytest.mark.processes
def test_a_kill_at_any_step_leaves_no_response_unseen_and_none_unbuilt(
    begun: Path, step: str, skip: int, work: str
) -> None:
    kill_at(step, skip, begun, work)
    with Lake(begun) as lake:
        # Another process' locks are free: what was decided is finished by whoever comes next.
        with lake.file_set(f"build-{DATASET}").lock():
            missing = unbuilt(begun)
        found = pending_responses(lake, [DATASET])
        assert found.get(DATASET, {}) == {
            device: sum(of == device for of, _ in missing) for device in {of for of, _ in missing}
        }
        number = f"{len(missing)} archived response{'' if len(missing) == 1 else 's'}"
        sentences = [
            f"{number} of {DATASET} {'is' if len(missing) == 1 else 'are'} not in its tables yet"
        ] * bool(missing)
        for findings in (check(lake, [DECODER]), verify(lake, DECODER).findings):
            assert [finding.message for finding in findings] == sentences
            assert {finding.remedy for finding in findings} <= {Remedy.BUILD}

        publish(lake, DECODER.tables)
        manifest = make_manifest(lake, [DECODER], RULES)
        assert sum(manifest["pending_responses"].values()) == len(missing)
        states = states_of(lake)
        assert {key for key, state in states.items() if state == "not_built"} == set(missing)
        assert states == states_by_view(lake)

        reports, errors = build_pending(lake, [DECODER])
        assert sum(report.responses for report in reports) == len(missing)
        assert (errors, pending_responses(lake, [DATASET]), unbuilt(begun)) == ({}, {}, [])
        refresh_coverage(lake, RULES)
        assert "not_built" not in states_of(lake).values()
        assert verify(lake, DECODER).findings == check(lake, [DECODER]) == []
        before = content_of(begun)
        rebuild(lake, DECODER)
        assert content_of(begun) == before


def states_of(lake: Lake) -> dict[tuple[str, date], str]:
    rows = coverage(lake, RULES, lake.expected(), DAY, DAYS[-1]).to_pylist()
    return {(row["device_id"], row["request_date"]): row["state"] for row in rows}


def states_by_view(lake: Lake) -> dict[tuple[str, date], str]:
    with connect(lake) as connection:
        rows = connection.execute("SELECT device_id, request_date, state FROM coverage").fetchall()
    return {(device, day): state for device, day, state in rows}


def test_a_dataset_that_another_process_builds_is_left_to_it_unless_it_is_waited_for(
    begun: Path,
) -> None:
    with Lake(begun) as lake, Lake(begun) as other:
        lake.archive.append([answer("B", DAY, day_rows(DAY))])
        lake.archive.flush()
        with other.file_set(f"build-{DATASET}").lock():
            assert build_pending(lake, [DECODER]) == ([], {})
        assert pending_responses(lake, [DATASET]) == {DATASET: {"B": 1}}
        ((report,), _) = build_pending(lake, [DECODER], wait=True)
        assert report.responses == 1


def test_an_index_of_requests_that_cannot_be_read_is_no_obstacle(begun: Path) -> None:
    """It can be replaced, or damaged, while it is read."""
    with Lake(begun) as lake:
        lake.archive.append([answer("B", DAY, day_rows(DAY))])
        lake.archive.flush()
        refresh_coverage(lake, RULES)
        (part,) = (begun / "index/requests").glob("part-*.parquet")
        part.write_bytes(part.read_bytes()[:-20])
        assert pending_responses(lake, [DATASET]) == {DATASET: {"B": 1}}


@pytest.mark.parametrize("error", [StoreError("it is broken"), ZeroDivisionError("it is broken")])
def test_a_dataset_that_cannot_be_built_stops_no_other(begun: Path, error: Exception) -> None:
    class Broken(ToyDecoder):
        def decode(self, responses):
            raise error

    broken = Broken(dataset="broken")
    with Lake(begun) as lake:
        lake.archive.append([answer("A", DAY, day_rows(DAY), dataset="broken")])
        lake.archive.append([answer("B", DAY, day_rows(DAY))])
        reports, errors = build_pending(lake, [broken, DECODER])
        assert [report.dataset for report in reports] == [DATASET]
        assert errors == {"broken": error}
        assert pending_responses(lake, ["broken", DATASET]) == {"broken": {"A": 1}}
        (finding,) = check(lake, [broken, DECODER], repair=True)
        assert (finding.repaired, finding.message) == (
            False,
            "1 archived response of broken is not in its tables yet, because the build fails:"
            " it is broken",
        )


@pytest.mark.slow
def test_views_say_the_same_whoever_has_built_or_lost_tables(begun: Path, tmp_path: Path) -> None:
    """Files that say how far tables were built: of an older givlake, lost, or ahead of a loss."""
    watermark = begun / f"index/watermarks/{DATASET}.parquet"
    manifest = begun / f"index/manifests/build-{DATASET}.json"
    with Lake(begun) as lake:
        for day in DAYS[1:3]:
            lake.archive.append([answer("A", day, day_rows(day, 24))])
            build(lake, DECODER)
        refresh_coverage(lake, RULES)

        def agreed() -> list[str]:
            refresh_coverage(lake, RULES)
            publish_watermarks(lake, [DATASET, "never built"])
            assert states_by_view(lake) == states_of(lake)
            return [state for (device, _), state in states_of(lake).items() if device == "A"][:3]

        assert agreed() == ["complete"] * 3
        watermark.unlink()
        assert agreed() == ["complete"] * 3
        older = manifest.read_text().replace('"watermark_shown":3', '"something":3')
        manifest.write_text(older)
        rows = pq.read_table(watermark)
        pq.write_table(rows.set_column(1, rows.field(1), pa.array([1])), watermark)
        assert agreed() == ["complete"] * 3
        assert (pending_responses(lake, [DATASET]), check(lake, [DECODER])) == ({}, [])
        manifest.unlink()
        assert agreed() == ["not_built"] * 3
        assert pending_responses(lake, [DATASET]) == {DATASET: {"A": 3}}
        assert len(build_pending(lake, [DECODER])[0]) == 1
        assert agreed() == ["complete"] * 3
        segment = lake.archive.segments / "000000000002.parquet"
        segment.rename(tmp_path / "kept")
        rebuild(lake, DECODER)
        assert agreed() == ["complete", "not_requested", "complete"]
        (tmp_path / "kept").rename(segment)
        refresh_coverage(lake, RULES)
        publish_watermarks(lake, [DATASET])
        # The views know one number for each dataset: from the segment that is back, nothing counts.
        states = states_by_view(lake)
        assert [states["A", day] for day in DAYS[:3]] == ["complete", "not_built", "not_built"]
        assert len(build_pending(lake, [DECODER])[0]) == 1
        assert agreed() == ["complete"] * 3
