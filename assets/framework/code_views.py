"""The `codes` view of the catalogue: all documented codes."""

import pyarrow as pa

from givenergy.codes import all_codes
from warehouse import ViewSpec


def views() -> list[ViewSpec]:
    """List them."""
    return [_codes()]


def _codes() -> ViewSpec:
    rows = ",\n    ".join(f"({', '.join(map(_literal, code))})" for code in all_codes())
    texts = {
        "domain": ("Domain", "What the code is one of, e.g. measurand."),
        "code": ("Code", "As the API sends it, numbers written out."),
        "name": ("Name", "What stands in the decoded column."),
        "description": ("Description", "What it means."),
    }
    schema = pa.schema(
        pa.field(name, pa.string(), metadata={"title": title, "description": description})
        for name, (title, description) in texts.items()
    )
    return ViewSpec(
        name="codes",
        sql=f"SELECT * FROM (VALUES\n    {rows}\n) AS codes({', '.join(texts)})",
        description="Every code that the API documents: one row for each domain and code.",
        schema=schema,
    )


def _literal(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
