"""The guide in an export: how to import it, and which statistic goes where in Home Assistant."""

import re
from collections.abc import Iterator, Sequence
from datetime import date

from pipelines.home_assistant.statistic import COSTS, Content, SubjectKind, Written
from pipelines.home_assistant.statistics_files import DATETIME_FORMAT, JSON_LINES, TSV
from pipelines.recommended_commands import with_account

GUIDE = "energy-dashboard.md"
_GAPS_LISTED = 10
_DAYS_LISTED = 31
_OPTIONS_LISTED = 10
_STEPS = f"""# Statistics for Home Assistant

## 1. Import

1. In Home Assistant (2026.1 or later) install *Import Statistics* from HACS (5.1.0 or later: older
   ones leave out the class of the unit, without which the energy dashboard does not offer the
   statistics). Restart Home Assistant, then choose Settings, Devices & services, Add integration,
   *Import Statistics*.
2. Copy `{TSV}` into the folder of Home Assistant's `configuration.yaml`.
3. Open Developer tools, Actions, choose the YAML mode, paste this and perform it. Leave
   `timezone_identifier` as it is, wherever you are: the times in the file are UTC, so that no hour
   is lost when clocks change.

```yaml
action: import_statistics.import_from_file
data:
  filename: {TSV}
  decimal: "."
  datetime_format: "{DATETIME_FORMAT}"
  timezone_identifier: UTC
```

This gives the statistics no names: lists show their IDs, which are below with what they are.

Without HACS: each line of `{JSON_LINES}` is a message for Home Assistant's websocket interface,
with the same figures, and names. Log in with an administrator's token, send the lines in their
order, and wait for the result of each.
"""
_LATER = """## 3. Later

**To continue**, export again with the same options, but *without* `--start`, with `--overwrite` and
an `--end` that is no earlier, and import the whole file again. {options} The sums count from the
first hour; an hour that is imported again replaces its former value, so nothing is counted
twice.{begins_later}

An hour that the new file lacks keeps its old sum, which does not fit the new ones: Home Assistant
shows large negative energies there. So if `--with-days`, roles or tariffs have changed since, or
the range is shorter, remove the statistics first.

**To remove it**, take the statistics out of the energy dashboard, then select those that begin with
`givlake:` in Developer tools, Statistics, and delete them; with many hours that takes a while. Over
the websocket interface: `recorder/clear_statistics` with their names as `statistic_ids`.
"""
_BEGINS_LATER = """ This export was made with `--start`: its sums
begin with 0 there. Import it only where Home Assistant has none of these statistics yet, or it will
show one large negative hour at the join."""
_WORDS = re.compile(r"([\\`*_{}\[\]()#+!|~<>&])")


def guide(content: Content) -> str:
    """Return the guide of an export, as Markdown.

    Args:
        content: What the export contains.
    """
    begins_later = _BEGINS_LATER if content.begins_later else ""
    sections = [
        _STEPS,
        "\n".join(_dashboard(content)),
        _LATER.format(begins_later=begins_later, options=_options(content)),
        "\n".join(_statistics(content.written)),
        "\n".join(_missing(content)),
    ]
    return with_account("\n".join(section.rstrip("\n") + "\n" for section in sections))


def _options(content: Content) -> str:
    if not content.options:
        return "This export was made without `--with-days`, `--end` and `--device`."
    listed = ", ".join(map(_words, content.options[:_OPTIONS_LISTED]))
    more = len(content.options) - _OPTIONS_LISTED
    return f"This export was made with {listed}{f' and {more:,} more devices' if more > 0 else ''}."


def _dashboard(content: Content) -> Iterator[str]:
    yield "## 2. Energy dashboard\n"
    yield "Open Settings, Dashboards, Energy, and choose these. Anything else stays out.\n"
    by_site: dict[str, dict[str, str]] = {}
    cars = []
    for written in content.written:
        subject = written.subject
        if subject.site is not None:
            by_site.setdefault(subject.label, {})[written.measure.name] = written.statistic_id
        elif subject.kind is SubjectKind.CHARGER:
            cars.append(written)
    boxes = (
        ("Electricity grid: energy imported (grid consumption)", "grid_import"),
        ("… its cost: *use an entity tracking the total costs*", "import_cost"),
        ("Electricity grid: energy exported (return to grid)", "grid_export"),
        ("… its income: *use an entity tracking the total received*", "export_income"),
        ("Solar panels: production", "solar"),
        ("Battery: energy going in", "battery_charge"),
        ("Battery: energy coming out", "battery_discharge"),
    )
    for label, statistics in by_site.items():
        yield f"{_words(label)}:\n"
        yield "| box | statistic |"
        yield "|---|---|"
        for box, measure in boxes:
            chosen = f"`{statistics[measure]}`" if measure in statistics else "none: see below"
            yield f"| {box} | {chosen} |"
        yield ""
    if not by_site:
        yield "No site is in this export as a whole, so nothing belongs into these boxes.\n"
    for car in cars:
        yield f"- `{car.statistic_id}`: {_car_box(content, car)}"
    if cars:
        yield ""
    parts = [w for w in content.written if w.subject.kind is SubjectKind.INVERTER]
    if any(written.subject.site is None for written in parts):
        yield (
            "**Nothing twice.** Statistics of single inverters are part of their site's. Put either"
            " the site's or the inverters' into the dashboard, never both; what an inverter behind"
            " a Gateway measures at its own meter is not the house's grid. They are for cards of"
            " your own. The same goes for the live sensors of another integration, such as GivTCP,"
            " of the same inverter: end this export with `--end` on the day before they begin.\n"
        )
    else:
        yield (
            "**Nothing twice.** If another integration, such as GivTCP, has live sensors of the"
            " same inverter in the dashboard, end this export with `--end` on the day before they"
            " begin.\n"
        )
    if any(written.measure.is_money for written in content.written):
        yield (
            f"Costs and income are in {content.currency}, without the standing charge, for which"
            " Home Assistant has no box; it shows them in the currency of Settings, System,"
            f" General, which must be {content.currency}."
        )
        if falling := [w.statistic_id for w in content.written if w.may_fall]:
            yield (
                f"Prices below 0 let {', '.join(f'`{name}`' for name in falling)} fall; Home"
                " Assistant takes that and shows a negative amount."
            )
        yield ""


def _car_box(content: Content, car: Written) -> str:
    in_home = content.in_home[car.subject.device]
    if in_home is False:
        return (
            "for cards of your own. The charger is outside the inverter's meter: as an individual"
            " device its energy would be taken from what the house used."
        )
    if in_home is None:
        return (
            "individual devices (or electric vehicles), if the charger is behind the inverter's"
            " meter; the data do not show whether it is."
        )
    return "individual devices (or electric vehicles)."


def _statistics(written: Sequence[Written]) -> Iterator[str]:
    yield "## What is in it\n"
    yield (
        "Times are the starts of hours in UTC. A sum counts from the first hour; the value of an"
        " hour is its sum less the one before.\n"
    )
    yield "| statistic | of | unit | first hour | last hour | hours | missing | total |"
    yield "|---|---|---|---|---|--:|--:|--:|"
    for one in written:
        missing = "" if one.subject.kind is SubjectKind.CHARGER else f"{one.missing_hours:,}"
        title = f"{one.subject.label} {one.measure.title}"
        yield (
            f"| `{one.statistic_id}` | {_words(title)} | {one.unit} |"
            f" {one.first_at:%Y-%m-%d %H:%M} | {one.last_at:%Y-%m-%d %H:%M} | {one.hours:,} |"
            f" {missing} | {one.total:,.3f} |"
        )


def _missing(content: Content) -> Iterator[str]:
    yield "## What is missing, and why\n"
    yield (
        "- An hour of which a half hour is unknown (not fetched, not recorded, or not over yet) is"
        " left out and never 0: Home Assistant draws a gap there. `givlake status` says which days"
        " can be fetched."
    )
    if not content.with_days:
        yield (
            "- Days of which only the inverter's daily counters are known are left out."
            " `--with-days` puts the rest of such a day into its last full hour."
        )
    yield from _counted_days(content.written)
    if any(w.counted_days for w in content.written) and any(
        w.measure.is_money for w in content.written
    ):
        yield (
            "- Days by daily counters have energy but no cost or income for what their counters"
            " add: no half hour of it has a price."
        )
    for label, derived in content.derived.items():
        yield (
            f"- {_words(label)}, {derived.hours:,} hours derived from data points, as the API has"
            f" no energy flows of them: the first on {derived.first}, the last on {derived.last}."
        )
    yield from _gaps(content.written)
    for site, days in content.uncertain_sites.items():
        yield (
            f"- Grid of site {_words(site)}, {days:,} {'day' if days == 1 else 'days'}: no single"
            " inverter's meter is known to be the house's, so there is no grid import, grid export"
            " or cost. Say which one is with `givlake roles set INVERTER grid_meter`, then export"
            " again."
        )
    if content.unpriced_sites:
        names = ", ".join(map(_words, content.unpriced_sites))
        yield (
            f"- Cost and income of {names}: no hour has both a known grid and a price. Load a"
            " tariff with `givlake tariffs load FILE`, say from when it is yours with"
            " `givlake tariffs use NAME --from DATE`, then export again."
        )
    if not content.has_sites:
        yield "- Cost and income are those of a site, and no site is in this export as a whole."
    elif not content.unpriced_sites and not all(
        measure in {w.measure for w in content.written} for measure in COSTS
    ):
        yield "- Cost or income that is 0 or unknown in all hours is left out."
    if content.zeros:
        names = ", ".join(f"`{name}`" for name in content.zeros)
        yield f"- Left out, as all of their hours are 0: {names}."
    for serial, site in content.replaced.items():
        yield (
            f"- Inverter {_words(serial)} alone measures site {_words(site)}: the site's statistics"
            " are its own."
        )
    if content.is_partial:
        yield (
            "- Limited to some days or devices: a site of which not all counted inverters were"
            " chosen has no statistics."
        )
    yield (
        "- In a time zone that is half an hour off, local days begin within an hour of Home"
        " Assistant, which counts that hour to one of the days."
    )
    for serial in content.without_full_hours:
        yield (
            f"- Inverter {_words(serial)} and its site have no statistics: their time zone is 15 or"
            " 45 minutes off full hours, so that no half hours make an hour of UTC."
        )


def _counted_days(written: Sequence[Written]) -> Iterator[str]:
    by_subject: dict[str, set[date]] = {}
    for one in written:
        by_subject.setdefault(one.subject.label, set()).update(one.counted_days)
    for label, days in by_subject.items():
        if days:
            shown = ", ".join(f"{day}" for day in sorted(days)[:_DAYS_LISTED])
            more = f" and {len(days) - _DAYS_LISTED:,} more" if len(days) > _DAYS_LISTED else ""
            yield (
                f"- {_words(label)}, by daily counters, the rest of the day in its last full hour:"
                f" {shown}{more}. The hours of these days are not to be read one by one."
            )


def _gaps(written: Sequence[Written]) -> Iterator[str]:
    listed = set()
    for one in written:
        if not one.gaps or (one.subject.label, one.measure.is_money) in listed:
            continue
        listed.add((one.subject.label, one.measure.is_money))
        longest = sorted(one.gaps, key=lambda gap: gap[0] - gap[1])[:_GAPS_LISTED]
        spans = "; ".join(
            f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}" for first, last in sorted(longest)
        )
        which = (
            f"the longest {_GAPS_LISTED} of {len(one.gaps):,}"
            if len(one.gaps) > len(longest)
            else "all"
        )
        yield (
            f"- `{one.statistic_id}` lacks {one.missing_hours:,} hours between its first and its"
            f" last ({which}, first to last hour in UTC): {spans}."
        )


def _words(text: str) -> str:
    """Return a text of an owner or the API as plain words of Markdown, whatever is in it."""
    visible = "".join(character if character.isprintable() else "?" for character in text)
    return _WORDS.sub(r"\\\1", visible)
