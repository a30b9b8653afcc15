"""The columns that name the device of a table's rows."""

from assets.registry import datasets

_DEVICE_COLUMNS = frozenset({"inverter_serial", "ems_serial", "charger_uuid", "device_uuid"})


def device_columns() -> dict[str, str]:
    """Return, by table, the column that names a row's device; other tables are of the account."""
    columns = {}
    for dataset in datasets():
        for table in dataset.output_tables:
            named = [name for name in table.schema.columns if name in _DEVICE_COLUMNS]
            if named:
                columns[table.name] = table.device_column or named[0]
    return columns
