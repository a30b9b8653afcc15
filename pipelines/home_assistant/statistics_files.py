"""The two files to import: `statistics.tsv` and `statistics.jsonl`, with the same figures.

The lines of the second are messages of Home Assistant's websocket interface.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path

from pipelines.home_assistant.statistic_names import SOURCE

TSV, JSON_LINES = "statistics.tsv", "statistics.jsonl"
COLUMNS = ("statistic_id", "unit", "start", "state", "sum")
# Not the importer's default, with which a forgotten time zone would go unnoticed.
DATETIME_FORMAT = "%Y-%m-%d %H:%M"
ENERGY_UNIT = "kWh"
_HOURS_PER_MESSAGE = 1_000
_DECIMALS = 3


class StatisticsFiles:
    """Both files, open for writing."""

    def __init__(self, tsv: TextIOWrapper, json_lines: TextIOWrapper) -> None:
        """Begin both files."""
        self._tsv, self._json_lines = tsv, json_lines
        self._tsv.write("\t".join(COLUMNS) + "\n")
        self._messages = 0
        self.rows = 0

    def write(
        self, statistic_id: str, title: str, unit: str, hours: Mapping[datetime, float]
    ) -> list[float]:
        """Write a statistic; return its sums.

        Args:
            statistic_id: Its ID.
            title: Its name for people.
            unit: kWh, or a currency.
            hours: Its values by start of the hour, in the order of time.
        """
        metadata = {
            "statistic_id": statistic_id,
            "source": SOURCE,
            "name": title,
            "unit_of_measurement": unit,
            # Only with it is a statistic offered for the energy dashboard.
            "unit_class": "energy" if unit == ENERGY_UNIT else None,
            "mean_type": 0,
            "has_sum": True,
        }
        sums = _running_sums(list(hours.values()))
        rows = list(zip(hours, sums, strict=True))
        for first in range(0, len(rows), _HOURS_PER_MESSAGE):
            part = rows[first : first + _HOURS_PER_MESSAGE]
            self._messages += 1
            message = {
                "id": self._messages,
                "type": "recorder/import_statistics",
                "metadata": metadata,
                "stats": [
                    {"start": hour.astimezone(UTC).isoformat(), "state": total, "sum": total}
                    for hour, total in part
                ],
            }
            self._json_lines.write(json.dumps(message, separators=(",", ":")) + "\n")
            self._tsv.writelines(
                f"{statistic_id}\t{unit}\t{hour.astimezone(UTC):{DATETIME_FORMAT}}"
                f"\t{total:.{_DECIMALS}f}\t{total:.{_DECIMALS}f}\n"
                for hour, total in part
            )
        self.rows += len(sums)
        return sums


@contextmanager
def statistics_files(folder: Path) -> Iterator[StatisticsFiles]:
    """Open both files in a folder."""
    with (
        (folder / TSV).open("w", encoding="utf-8", newline="") as tsv,
        (folder / JSON_LINES).open("w", encoding="utf-8", newline="") as json_lines,
    ):
        yield StatisticsFiles(tsv, json_lines)


def _running_sums(values: Sequence[float]) -> list[float]:
    """Return the sum up to each value, rounded after summing."""
    total, sums = 0.0, []
    for value in values:
        total += value
        # Without the sign of a negative zero.
        sums.append(round(total, _DECIMALS) + 0.0)
    return sums
