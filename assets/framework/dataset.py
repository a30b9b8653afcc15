"""What a dataset module has to say about itself, and the decoding that all share.

The framework plans, collects, builds and presents every dataset through these classes alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
import numpy as np
import pandera.pandas as pandera
import pyarrow as pa

from assets.framework.columns import code_names
from assets.framework.json_rows import Rejected, Rows, decode_rows, elements
from assets.framework.schema import arrow_schema, codes_of, faults
from givenergy import Endpoint, domain
from warehouse import QUARANTINE_SCHEMA, ArchivedResponse, CoverageRule, Decoded, Drift, TableSpec


class Dataset(ABC):
    """One endpoint, one table.

    Attributes:
        name: under which responses are archived.
        table: name of the table and its Dagster asset.
        version: counts changes of what `decode` yields; a higher one rebuilds the table.
        endpoint: where the data comes from.
        description: one sentence for people.
        group: heading under which Dagster shows it.
        row_type: the JSON of one row.
        schema: the table's columns.
        key: columns that tell rows apart.
        time_column: UTC column whose month names the file; None for tables that stay small.
        device_column: column that names the device.
        lateness_days: for how many days after its end a day can still change; None where the data
            is not asked for by day.
    """

    name: str
    table: str
    version: int
    endpoint: Endpoint
    description: str
    group: str
    row_type: type[msgspec.Struct]
    schema: pandera.DataFrameSchema
    key: tuple[str, ...]
    time_column: str | None = None
    device_column: str | None = None
    lateness_days: int | None = None

    def __init__(self) -> None:
        self.tables = (
            TableSpec(
                name=self.table,
                schema=arrow_schema(self.schema),
                key=self.key,
                time_column=self.time_column,
                device_column=self.device_column,
                decoder_version=self.version,
                description=self.description,
            ),
        )

    @property
    def dataset(self) -> str:
        """The name under which responses are archived."""
        return self.name

    @property
    def coverage_rule(self) -> CoverageRule:
        """From when a day of the dataset is final."""
        assert self.lateness_days is not None
        return CoverageRule(self.name, self.lateness_days)

    def path(self, device_id: str, day: date | None) -> Mapping[str, str]:
        """Fill the parameters of the endpoint's path."""
        return {}

    @abstractmethod
    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Make the columns of the table, but for the provenance, from the rows of one response.

        Rows of which a value cannot be read are moved to `rows.rejected` before columns are made of
        the others. Names of codes are filled in by the framework.
        """

    def decode(self, responses: Sequence[ArchivedResponse]) -> Decoded:
        """Decode archived responses: valid rows, quarantined ones with their reason, drift.

        Every row of every response ends up in exactly one of the two tables.
        """
        batch = _Batch(self)
        for response in responses:
            batch.add(response)
        return batch.decoded()


class _Batch:
    """Rows of several responses on their way into a table, each traceable to its place."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._schema = dataset.tables[0].schema
        self._codes = {
            name: {code.code.upper(): code.code for code in domain(codes)}
            for name, description in dataset.schema.columns.items()
            if (codes := codes_of(description))
        }
        self._responses: list[ArchivedResponse] = []
        self._parts: list[pa.Table] = []
        self._positions: list[np.ndarray] = []
        self._quarantine: list[dict[str, object]] = []
        self._drift: dict[tuple[str, str, str], Drift] = {}
        self._rows_in: dict[int, int] = {}
        self._elements: dict[int, list[msgspec.Raw]] = {}

    def add(self, response: ArchivedResponse) -> None:
        rows = decode_rows(response.body, self._dataset.row_type)
        columns = dict(self._dataset.columns(rows, response))
        count = len(rows.values)
        columns["response_id"] = pa.repeat(pa.scalar(response.response_id, pa.int64()), count)
        columns["fetched_at"] = pa.repeat(
            pa.scalar(response.fetched_at, self._schema.field("fetched_at").type), count
        )
        for name, of_domain in self._codes.items():
            columns[f"{name}_name"], unknown = code_names(columns[name], of_domain)
            for code, number in unknown.items():
                rows.drift["unknown_code", name, code] += number
        part = pa.table([columns[name] for name in self._schema.names], schema=self._schema)
        for rejected in rows.rejected:
            self._set_aside(response, rejected, check="")
        for (kind, field, example), number in rows.drift.items():
            self._count_drift(response, kind, field, example, number)
        self._rows_in[response.response_id] = count + len(rows.rejected)
        self._responses.append(response)
        self._parts.append(part)
        self._positions.append(np.asarray(rows.positions, dtype=np.int64))

    def decoded(self) -> Decoded:
        table = pa.concat_tables(self._parts) if self._parts else self._schema.empty_table()
        good = np.ones(table.num_rows, dtype=bool)
        if table.num_rows:
            self._judge(table, good)
            self._drop_duplicates(table, good)
        return Decoded(
            tables={self._dataset.table: table if good.all() else table.filter(pa.array(good))},
            quarantine=pa.Table.from_pylist(self._quarantine, schema=QUARANTINE_SCHEMA),
            drift=list(self._drift.values()),
            rows_in=self._rows_in,
        )

    def _judge(self, table: pa.Table, good: np.ndarray) -> None:
        by_row: dict[int, list[Any]] = {}
        for fault in faults(self._dataset.schema, table):
            by_row.setdefault(fault.row, []).append(fault)
        for row, found in sorted(by_row.items()):
            good[row] = False
            checks = "; ".join(dict.fromkeys(f"{fault.column}: {fault.check}" for fault in found))
            self._set_aside_row(row, "check_failed", found[0].column, found[0].value, checks)

    def _drop_duplicates(self, table: pa.Table, good: np.ndarray) -> None:
        """Let the later of two valid rows with one key win in an answer, and keep the other aside.

        A later row that only turns values into nulls does not win.
        """
        fetches = np.repeat(
            [response.fetch_id for response in self._responses],
            [part.num_rows for part in self._parts],
        )
        keys = table.select(list(self._dataset.key)).to_pandas()
        keys["fetch"] = fetches
        valid = keys[good]
        repeated = valid[valid.duplicated(keep=False)]
        if repeated.empty:
            return
        content = [
            name
            for name in self._schema.names
            if name not in (*self._dataset.key, "response_id", "fetched_at")
        ]
        rows = table.select(content).take(pa.array(repeated.index)).to_pylist()
        contents = dict(zip(repeated.index, rows, strict=True))
        for _, group in repeated.groupby(list(keys.columns), sort=False):
            winner, *later = group.index
            for row in later:
                loser = row if _only_loses_values(contents[winner], contents[row]) else winner
                winner = winner if loser == row else row
                good[loser] = False
                text = " ".join(str(keys.at[loser, name]) for name in self._dataset.key)
                self._set_aside_row(loser, "duplicate_key", ", ".join(self._dataset.key), text, "")

    def _set_aside_row(self, row: int, reason: str, field: str, value: str, check: str) -> None:
        for response, positions in zip(self._responses, self._positions, strict=True):
            if row < len(positions):
                position = int(positions[row])
                raws = self._elements.get(response.response_id)
                if raws is None:
                    raws = self._elements[response.response_id] = elements(response.body)
                raw = bytes(raws[position]).decode(errors="replace")
                self._set_aside(
                    response, Rejected(position, reason, field, value, raw), check=check
                )
                return
            row -= len(positions)

    def _set_aside(self, response: ArchivedResponse, rejected: Rejected, check: str) -> None:
        self._quarantine.append(
            {
                "dataset": self._dataset.name,
                "table": self._dataset.table,
                "response_id": response.response_id,
                "device_id": response.device_id,
                "request_date": response.request_date,
                "row_index": rejected.position,
                "reason": rejected.reason,
                "check": check,
                "column": rejected.field,
                "value": rejected.value,
                "raw": rejected.raw,
                "first_seen": response.fetched_at,
            }
        )

    def _count_drift(
        self, response: ArchivedResponse, kind: str, field: str, example: str, number: int
    ) -> None:
        seen = self._drift.get((kind, field, example))
        self._drift[kind, field, example] = Drift(
            dataset=self._dataset.name,
            kind=kind,
            field=field,
            value=example,
            count=number + (seen.count if seen else 0),
            first_seen=min(response.fetched_at, seen.first_seen) if seen else response.fetched_at,
        )


def _only_loses_values(kept: Mapping[str, object], candidate: Mapping[str, object]) -> bool:
    """Tell whether a candidate equals what is kept but for values that it turns into nulls."""
    return candidate != kept and all(
        value is None or value == kept[name] for name, value in candidate.items()
    )
