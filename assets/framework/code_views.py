"""The `codes` view of the catalogue: all documented codes."""

import pyarrow as pa

from givenergy.codes import all_codes
from warehouse.interface.view_spec import ViewSpec


def code_views() -> list[ViewSpec]:
    """Return the views of the catalogue about codes."""
    return [_codes()]


def _codes() -> ViewSpec:
    rows = ",\n    ".join(f"({', '.join(map(_literal, code))})" for code in all_codes())
    texts = {
        "domain": ("Domain", "Domain of the code, e.g. measurand."),
        "code": ("Code", "Code as sent, as text."),
        "name": ("Name", "Name in the decoded column."),
        "description": ("Description", "Meaning of the code."),
        "since_version": (
            "Since version",
            "Version of the API whose documentation first lists the code; 1.26 also for older"
            " codes, and for those that are only in examples and recordings.",
        ),
    }
    schema = pa.schema(
        pa.field(name, pa.string(), metadata={"title": title, "description": description})
        for name, (title, description) in texts.items()
    )
    return ViewSpec(
        name="codes",
        sql=f"SELECT * FROM (VALUES\n    {rows}\n) AS codes({', '.join(texts)})",
        description="Every documented code of the API: one row per domain and code.",
        schema=schema,
        key=("domain", "code"),
    )


def _literal(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
