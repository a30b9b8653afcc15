"""Fifteen questions of an owner: characters of SQL with and without marts, and what is true.

    python -m benchmarks.marts.questions FOLDER

Spaces do not count. Each answer of the marts is compared with that of the shortest correct query
over tables, and with the same query over what is true in the simulation. FOLDER is emptied first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from benchmarks.common import heading, parser, row
from benchmarks.marts.account import cookbook_account
from benchmarks.marts.cookbook import ANSWERED, COOKBOOK
from simulator import Simulator

LONDON = ZoneInfo("Europe/London")
BEFORE = Path(__file__).with_name("before")
# The SQL over tables of each question, by the question in the cookbook. `FLOWS` and `SESSIONS` can
# be asked of the simulation.
FLOWS, SESSIONS = "energy flows", "sessions"
QUESTIONS: Mapping[str, tuple[str, str]] = {
    "How much solar, import, export and charge was there each day?": ("daily_energy", FLOWS),
    "How self-sufficient was the house each month?": ("self_sufficiency", FLOWS),
    "How many cycles does the battery make?": ("battery_cycles", FLOWS),
    "What did yesterday's charge cost?": ("car_charge_cost", SESSIONS),
    "In which half hours was energy imported while the battery was full?": (
        "import_while_full",
        "",
    ),
    "Which days are missing, and where are gaps?": ("missing_days", ""),
    "How does this month compare with the same month last year?": ("year_comparison", FLOWS),
    "What does a typical day of a month look like?": ("typical_day", ""),
    "What happens on days when the clocks change?": ("clock_changes", FLOWS),
    "What are the latest values of everything?": ("latest_values", ""),
    "Which inverter did what?": ("by_inverter", FLOWS),
    "Where did the car's energy come from?": ("car_sources", SESSIONS),
    "What did imports cost and exports earn each month?": ("import_cost", FLOWS),
    "Which were the best solar days?": ("best_day", FLOWS),
    "When was the peak of the home's demand?": ("peak", FLOWS),
    "Which faults were there, in order of time?": ("faults", ""),
}
COUNTS = {"days", "whole_days"}
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A question and its answers.

    Attributes:
        question: Heading in the cookbook.
        before: Characters of the query over tables.
        after: Characters of the query over marts.
        difference: Largest difference between both, in the units of the columns.
        from_truth: Largest difference of the marts' answer from the truth; None if the simulation
            cannot be asked.
        rows: Rows of the marts' answer.
        rows_true: Those that are of as many days as the truth, which alone are compared with it.
    """

    question: str
    before: int
    after: int
    difference: float
    from_truth: float | None
    rows: int
    rows_true: int


def after_sql(question: str) -> str:
    """Return the SQL of a question in the cookbook."""
    _, _, section = COOKBOOK.read_text().partition(f"### {question}\n")
    found = ANSWERED.search(section)
    assert found, question
    return found["sql"]


def length(sql: str) -> int:
    """Return the number of characters of a query without spaces and comments."""
    return len(re.sub(r"\s", "", re.sub(r"--.*", "", sql)))


def answered(sim: Simulator, data: Path) -> Iterator[Answer]:
    """Yield the answers of all questions.

    Args:
        sim: The simulator of the cookbook's account.
        data: Its data folder.
    """
    catalogue = str(data / "warehouse.duckdb")
    with (
        duckdb.connect(catalogue, read_only=True) as stored,
        duckdb.connect(catalogue, read_only=True) as true,
    ):
        for connection in (stored, true):
            connection.execute("SET TimeZone = 'UTC'")
        for name, rows in true_tables(sim).items():
            true.register("rows", rows)
            true.execute(f"CREATE TEMP TABLE {name} AS FROM rows")
        for question, (name, truth) in QUESTIONS.items():
            before, after = BEFORE.joinpath(f"{name}.sql").read_text(), after_sql(question)
            marts = rows_of(stored, after)
            whole = same_days(marts, rows_of(true, before)) if truth else []
            yield Answer(
                question,
                length(before),
                length(after),
                largest_difference(marts, rows_of(stored, before)),
                largest_difference(*zip(*whole, strict=True)) if whole else None,
                len(marts),
                len(whole),
            )


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    """Return the rows of a query."""
    found = connection.sql(sql)
    return [dict(zip(found.columns, values, strict=True)) for values in found.fetchall()]


def same_days(some: list[Row], others: list[Row]) -> list[tuple[Row, Row]]:
    """Return the pairs of rows that are of the same number of days; the API has no others."""
    return [
        (one, other)
        for one, other in zip(some, others, strict=True)
        if all(one[name] == other[name] for name in one.keys() & other.keys() & COUNTS)
    ]


def largest_difference(some: Sequence[Row], others: Sequence[Row]) -> float:
    """Return the largest difference of numbers in the columns that both answers have.

    Raises:
        AssertionError: There are other rows, or texts and times that differ.
    """
    assert some
    assert len(some) == len(others), (some, others)
    largest = 0.0
    for one, other in zip(some, others, strict=True):
        for name in one.keys() & other.keys():
            if isinstance(one[name], float | int) and isinstance(other[name], float | int):
                largest = max(largest, abs(one[name] - other[name]))
            else:
                assert one[name] == other[name], (one, other)
    return largest


def true_tables(sim: Simulator) -> dict[str, pa.Table]:
    """Return what tables would hold if the API showed everything, and exactly."""
    sessions, registers = true_sessions(sim)
    return {
        "energy_flows": true_flows(sim),
        "ev_charging_sessions": sessions,
        "ev_meter_readings": registers,
    }


def true_flows(sim: Simulator) -> pa.Table:
    """Return what `energy_flows` would hold if the API showed everything, and exactly."""
    start, end = (datetime(2024, 3, 1, tzinfo=LONDON), datetime(2025, 5, 2, tzinfo=LONDON))
    rows = []
    for serial in sim.serials:
        for half in sim.energies(serial, start, end):
            local = half.start.astimezone(LONDON)
            rows.append(
                {
                    "inverter_serial": serial,
                    "start_at": half.start,
                    "start_local": local.replace(tzinfo=None),
                    "local_date": local.date(),
                    "pv_to_home_kwh": half.pv_to_home,
                    "pv_to_battery_kwh": half.pv_to_battery,
                    "pv_to_grid_kwh": half.pv_to_grid,
                    "grid_to_home_kwh": half.grid_to_home,
                    "grid_to_battery_kwh": half.grid_to_battery,
                    "battery_to_home_kwh": half.battery_to_home,
                    "battery_to_grid_kwh": half.battery_to_grid,
                }
            )
    return pa.Table.from_pylist(rows)


def true_sessions(sim: Simulator) -> tuple[pa.Table, pa.Table]:
    """Return sessions and register readings at every half hour, as tables of the catalogue."""
    sessions: list[Row] = []
    registers: list[Row] = []
    (uuid,) = sim.charger_uuids
    start = datetime(2025, 4, 1, tzinfo=LONDON)
    for session in sim.charged(uuid, start, datetime(2025, 5, 1, tzinfo=LONDON)):
        local = session.started_at.astimezone(LONDON)
        sessions.append(
            {
                "charger_uuid": uuid,
                "started_at": session.started_at,
                "stopped_at": session.stopped_at,
                "started_local": local.replace(tzinfo=None),
                "local_date": local.date(),
                "energy_kwh": session.kwh,
                "meter_start_kwh": 0.0,
                "meter_stop_kwh": session.kwh,
            }
        )
        kwh = 0.0
        for begin, part in session.half_hours:
            registers.append(_reading(uuid, begin, kwh))
            kwh += part
    return pa.Table.from_pylist(sessions), pa.Table.from_pylist(registers)


def _reading(uuid: str, time: datetime, kwh: float) -> Row:
    return {
        "charger_uuid": uuid,
        "meter_id": 0,
        "measurand": 4,
        "time": time,
        "value_normalised": 1000 * kwh,
    }


def main() -> None:
    """Print the table."""
    options = parser(__doc__)
    options.add_argument("folder", type=Path)
    print(
        heading("question", "before", "after", "before - after", "truth - after", "rows compared")
    )
    with cookbook_account(options.parse_args().folder) as (sim, owner):
        for one in answered(sim, owner.data):
            truth = "-" if one.from_truth is None else f"{one.from_truth:.3f}"
            rows = "-" if one.from_truth is None else f"{one.rows_true} of {one.rows}"
            figures = (one.before, one.after, f"{one.difference:.3f}", truth, rows)
            print(row(one.question, *figures))


if __name__ == "__main__":
    main()
