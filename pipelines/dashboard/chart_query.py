"""The SQL of the charts: one file per chart in `sql`, with a comment as that of a mart.

`assets.marts` describes the comment. A file is for sites and for inverters: words in double braces
stand for the marts of either. Nothing of them comes from the browser.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources

from assets.catalogue_views import in_currency
from assets.marts.mart_file import Mart, parse_mart
from pipelines.suggestions import did_you_mean
from warehouse.attached_database import quoted

_WORDS = {
    "site": {"daily": "site_daily", "half_hourly": "site_half_hourly", "device": "site"},
    "inverter": {
        "daily": "daily_energy",
        "half_hourly": "half_hourly_balance",
        "device": "inverter_serial",
    },
}
_WORD = re.compile(r"\{\{ (\w+) \}\}")
# Characters of a name that is not known which a message repeats.
_SHOWN = 60
_PARAMETER = re.compile(r"\$([a-z_]+)")


class UnknownChartError(ValueError):
    """A name that no chart has."""


@dataclass(frozen=True, slots=True)
class ChartQuery:
    """The query of a chart for sites, or for inverters.

    Attributes:
        name: The name of the chart.
        mart: Its SQL and its documentation.
    """

    name: str
    mart: Mart

    def bound(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return those of the values that the SQL has parameters for."""
        return {name: values[name] for name in dict.fromkeys(_PARAMETER.findall(self.mart.sql))}

    def with_literals(self, values: Mapping[str, object]) -> str:
        """Return the SQL with its values written into it, which runs anywhere."""
        return _PARAMETER.sub(lambda found: literal(values[found[1]]), self.mart.sql)


@cache
def chart_names() -> tuple[str, ...]:
    """Return the names of all charts."""
    names = (path.name for path in resources.files("pipelines.dashboard").joinpath("sql").iterdir())
    return tuple(sorted(name.removesuffix(".sql") for name in names if name.endswith(".sql")))


@cache
def chart_query(name: str, kind: str, currency: str) -> ChartQuery:
    """Return the query of a chart.

    Args:
        name: The chart.
        kind: site or inverter.
        currency: ISO code of the currency that columns of money are named by.

    Raises:
        UnknownChartError: There is no such chart.
        ValueError: Its file is not of the form that `assets.marts` describes.
    """
    if name not in chart_names():
        advice = did_you_mean(name, chart_names()) or f"Use one of {', '.join(chart_names())}."
        raise UnknownChartError(f"There is no chart {name[:_SHOWN]!r}. {advice}")
    path = resources.files("pipelines.dashboard").joinpath("sql", f"{name}.sql")
    words = _WORDS[kind]
    text = _WORD.sub(lambda found: words[found[1]], path.read_text(encoding="utf-8"))
    return ChartQuery(name, parse_mart(name, in_currency(text, currency), is_macro=True))


def literal(value: object) -> str:
    """Return a value as a literal of SQL."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, date | datetime):
        value = value.isoformat()
    return f"'{quoted(str(value))}'"
