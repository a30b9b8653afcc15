"""Inverter setting values: what each setting of an inverter is set to, read from the inverter.

Source: API document, section "Inverter Control", "Read Setting" and "Read Setting (Multiple)", and
"Remote Control Codes". Off unless the owner sets GIVLAKE_READ_SETTINGS: reading changes nothing,
but the platform asks the inverter over its dongle, which is slow and can time out.

Grain: inverter and setting, with history: a new version begins when another value is read. Each
read is a row of `inverter_setting_reads`. A remote control code says that there was no value: it is
a state of the read, and the version of the value stands. A negative number is a code if `success`
is false, or if it is from -1 to -7 and `success` is not sent, even where the setting could have
such a value: the API sends the same for both.

Requests: one per setting and day or week for all inverters that have it, or one for each inverter
if that is refused, which is tried once in each run; settings that can only be written are left out.
One after another, at the lowest priority. A read that failed is repeated after 20 hours at the
earliest, and an inverter that did not answer is left alone until then.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa

from assets.framework import (
    TIME_UTC,
    Cadence,
    DeviceAnswer,
    DeviceAskingDataset,
    DeviceKind,
    KnownState,
    PageByPage,
    Request,
    ResponseShape,
    Rows,
    Table,
    TableRows,
    Wire,
    as_json,
    column,
    decode_rows,
    extra_column,
    extra_fields,
    flag,
    history_columns,
    instant,
    integer,
    leaf_columns,
    name_of_code,
    number_of,
    provenance_columns,
    read_sql,
    table_schema,
    text,
)
from givenergy.endpoints.control_endpoints import MULTI_SETTING_READ, SETTING_READ
from warehouse.archive import ArchivedResponse

# A little less than a day, so that a run that began late does not put the next one off.
_AGAIN_AFTER = timedelta(hours=20)
_CODES = range(-7, 0)
_SETTING_IN_PATH = re.compile(r"/settings/([0-9]+)/read$")
_BY_NAME = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANSWERS = {
    -1: (DeviceAnswer.NO_ANSWER, "does not respond in time (-1)"),
    -2: (DeviceAnswer.OUT_OF_REACH, "is offline (-2)"),
    -3: (DeviceAnswer.OUT_OF_REACH, "is unknown to the platform, or not shared (-3)"),
    -5: (DeviceAnswer.NO_ANSWER, "cannot be asked: the platform fails (-5)"),
    -6: (DeviceAnswer.NO_ANSWER, "cannot be asked: the platform does not respond (-6)"),
    -7: (DeviceAnswer.OUT_OF_REACH, "is locked (-7)"),
}


class _Answer(Wire):
    value: Any = None
    response: Any = None
    success: bool | None = None
    message: str | None = None

    @property
    def sent(self) -> Any:
        """What is sent in place of a value."""
        return self.response if self.value is None else self.value

    @property
    def code(self) -> int | None:
        """The remote control code, if it is one; see the module's docstring."""
        number = number_of(self.sent, float)
        if number is None or self.success or not float(number).is_integer():
            return None
        is_code = number < 0 if self.success is False else number in _CODES
        return int(number) if is_code else None

    @property
    def has_value(self) -> bool:
        """Whether it is the value of the setting."""
        return self.sent is not None and self.success is not False and self.code is None


def _number_of_setting() -> Any:
    return integer("Setting", "Number of the setting.", nullable=False)


VALUES = Table(
    name="inverter_setting_values",
    description=(
        "What each setting of an inverter is set to, one row per setting and version. The names are"
        " in inverter_setting_definitions. Off unless GIVLAKE_READ_SETTINGS is set."
    ),
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
            "setting_id": _number_of_setting(),
            "value": text("Value", "The value as JSON, as sent.", nullable=False),
            "value_text": text("Value (text)", "The value if it is text, such as 05:30."),
            "value_number": column(
                pa.float64(),
                "Value (number)",
                "The value if it is a number, in the setting's unit.",
            ),
            "is_on": flag("Is on", "The value if it is true or false."),
            **history_columns(),
        }
    ),
    key=("inverter_serial", "setting_id"),
    unversioned_columns=(),
)

READS = Table(
    name="inverter_setting_reads",
    description=(
        "Each time that a setting was read from an inverter, with or without a value. Requests that"
        " were not answered at all are in the view requests."
    ),
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
            "setting_id": _number_of_setting(),
            "read_at": instant("Read at (UTC)", "When the answer arrived, UTC.", nullable=False),
            "has_value": flag("Has value", "Whether a value was read.", nullable=False),
            "state_code": integer(
                "State", "Remote control code of a read without a value.", codes="remote_control"
            ),
            "state_code_name": name_of_code("State"),
            "value": text("Value as sent", "JSON of the value or code, if read alone.", "value"),
            "response": text(
                "Response as sent",
                "JSON of the value or code, if several inverters were read at once.",
                "response",
            ),
            "success": flag(
                "Success", "Whether the API calls it a success, if it says.", "success"
            ),
            "message": text("Message", "Message of the API.", "message"),
            **extra_fields(),
            **provenance_columns(),
        }
    ),
    key=("inverter_serial", "setting_id", "read_at"),
    time_column="read_at",
    device_column="inverter_serial",
)


class InverterSettingValues(PageByPage, DeviceAskingDataset):
    """The dataset; see the module's docstring."""

    name = "inverter_setting_values"
    version = 1
    endpoint = SETTING_READ
    group = "inverters"
    row_type = _Answer
    shape = ResponseShape.KEYED
    output_tables = (VALUES, READS)
    device_kinds = (DeviceKind.INVERTER,)
    depends_on = ("inverter_setting_definitions",)
    cadence = Cadence.WEEKLY  # at the least; the owner's choice decides
    optional = True
    lists_all = False
    sample_params = (("setting_id", 17),)

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request the chosen settings that are due, what several inverters have first."""
        every = state.setting_reads.every
        if every is None:
            return
        inverters = {device.device_id for device in state.devices_of(DeviceKind.INVERTER)}
        due: dict[int, list[str]] = defaultdict(list)
        for row in state.rows(read_sql("inverter_settings_known")):
            if (
                row["inverter_serial"] in inverters
                and state.setting_reads.includes(row["setting_id"], row["name"])
                and not any("writeonly" in rule for rule in row["validation_rules"] or ())
                and (state.refetch or _is_due(row, every, state.now))
            ):
                due[row["setting_id"]].append(row["inverter_serial"])
        alone: dict[str, list[int]] = defaultdict(list)
        for setting, serials in sorted(due.items()):
            if len(serials) > 1:
                yield self.request_of(str(setting), serials)
            else:
                alone[serials[0]].append(setting)
        for serial, settings in sorted(alone.items()):
            for setting in settings:
                yield self.request_of(str(setting), [serial])

    def request_of(self, label: str, device_ids: Sequence[str]) -> Request:
        """Return the request that reads a setting, given by its number, of inverters."""
        first, *others = device_ids
        if not others:
            return Request(
                endpoint=SETTING_READ,
                path={"inverter": first, "setting": label},
                device_id=first,
                label=label,
                part=label,
            )
        return Request(
            endpoint=MULTI_SETTING_READ,
            body=_joint_body(label, device_ids),
            device_id=first,
            label=label,
            # What the API refuses of one of them says nothing about the others.
            part=f"{label} jointly",
            joins=tuple(
                Request(
                    endpoint=MULTI_SETTING_READ,
                    body=_joint_body(label, [each]),
                    device_id=each,
                    label=label,
                    part=label,
                )
                for each in device_ids
            ),
        )

    def answer_of(self, body: bytes) -> tuple[DeviceAnswer, str]:
        """Return what a response says about the inverter."""
        for row in decode_rows(body, _Answer, self.shape).values:
            if row.code in _ANSWERS:
                return _ANSWERS[row.code]
            if row.success is False and row.sent is None:
                return DeviceAnswer.NO_ANSWER, "did not answer"
        return DeviceAnswer.ANSWERED, ""

    def tables_of_page(
        self, rows: Rows[Any], response: ArchivedResponse
    ) -> Mapping[str, TableRows]:
        """Return the values, and the reads with or without one."""
        answers: list[_Answer] = rows.values
        setting = _setting_of(response)
        names = list(_BY_NAME.decode(response.body)) if answers else []
        keys = [
            (response.device_id if "data" in names else names[at], setting) for at in rows.positions
        ]
        valued = [index for index, each in enumerate(answers) if each.has_value]
        values = [answers[index].sent for index in valued]
        numbers = [None if isinstance(each, str) else number_of(each, float) for each in values]
        return {
            VALUES.name: TableRows(
                {
                    **_key_columns([keys[index] for index in valued]),
                    "value": pa.array(map(as_json, values), pa.string()),
                    "value_text": pa.array(
                        [each if isinstance(each, str) else None for each in values], pa.string()
                    ),
                    "value_number": pa.array(numbers, pa.float64()),
                    "is_on": pa.array(
                        [each if isinstance(each, bool) else None for each in values], pa.bool_()
                    ),
                },
                [rows.positions[index] for index in valued],
                exploded=True,
            ),
            READS.name: TableRows(
                {
                    **_key_columns(keys),
                    "read_at": pa.array([response.fetched_at] * len(answers), TIME_UTC),
                    "has_value": pa.array([each.has_value for each in answers], pa.bool_()),
                    "state_code": pa.array([each.code for each in answers], pa.int64()),
                    **leaf_columns(READS.schema, answers, skip=("value", "response")),
                    **leaf_columns(
                        READS.schema, answers, only=("value", "response"), convert=as_json
                    ),
                    "extra_fields": extra_column(rows),
                },
                rows.positions,
            ),
        }


def _joint_body(label: str, device_ids: Sequence[str]) -> dict[str, Any]:
    return {"inverter_serials": list(device_ids), "setting_id": int(label)}


def _is_due(row: Mapping[str, Any], every: timedelta, now: datetime) -> bool:
    def is_recent(name: str, period: timedelta) -> bool:
        return row[name] is not None and now - row[name] <= period

    return not (
        is_recent("settled_at", every)
        or is_recent("read_at", _AGAIN_AFTER)
        or is_recent("inverter_failed_at", _AGAIN_AFTER)
    )


def _setting_of(response: ArchivedResponse) -> int | None:
    if (found := _SETTING_IN_PATH.search(response.path)) is not None:
        return int(found[1])
    setting = msgspec.json.decode(response.params).get("setting_id")
    return setting if isinstance(setting, int) else None


def _key_columns(keys: Sequence[tuple[str, int | None]]) -> dict[str, pa.Array]:
    return {
        "inverter_serial": pa.array([serial for serial, _ in keys], pa.string()),
        "setting_id": pa.array([setting for _, setting in keys], pa.int64()),
    }


DATASET = InverterSettingValues()
