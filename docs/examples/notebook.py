"""A notebook over the marts: energy by month, a day, costs, battery health.

    pip install "givlake[notebook]"
    GIVLAKE_DATA=data marimo edit docs/examples/notebook.py

It opens `warehouse.duckdb` in the folder GIVLAKE_DATA, by default `data`, and only reads.
"""

import marimo

app = marimo.App(width="medium", app_title="givlake")


@app.cell
def _():
    import os
    from pathlib import Path

    import altair as alt
    import duckdb
    import marimo as mo

    catalogue = Path(os.environ.get("GIVLAKE_DATA", "data")) / "warehouse.duckdb"
    mo.stop(not catalogue.exists(), mo.md(f"There is no {catalogue}: set GIVLAKE_DATA."))
    connection = duckdb.connect(str(catalogue), read_only=True)
    return alt, connection, mo


@app.cell
def _(connection, mo):
    months = connection.sql(
        """
        SELECT date_trunc('month', local_date)::DATE AS month, site,
            round(sum(solar_kwh), 1) AS solar_kwh, round(sum(import_kwh), 1) AS import_kwh,
            round(sum(export_kwh), 1) AS export_kwh, count(*) FILTER (is_complete) AS whole_days
        FROM site_daily GROUP BY ALL HAVING whole_days > 0 ORDER BY month, site
        """
    ).df()
    mo.vstack([mo.md("## Energy by month"), mo.ui.table(months)])
    return


@app.cell
def _(connection, mo):
    ((first, last),) = connection.sql(
        "SELECT min(local_date), max(local_date) FROM site_daily WHERE is_complete"
    ).fetchall()
    mo.stop(last is None, mo.md("There is no whole day yet."))
    day = mo.ui.date(start=first, stop=last, value=last, label="Day")
    day
    return (day,)


@app.cell
def _(alt, connection, day, mo):
    half_hours = connection.sql(
        """
        UNPIVOT (
            SELECT start_local, solar_kwh, home_kwh, import_kwh, export_kwh
            FROM site_half_hourly WHERE local_date = $day
        ) ON * EXCLUDE start_local INTO NAME energy VALUE kwh ORDER BY start_local
        """,
        params={"day": day.value},
    ).df()
    mo.vstack(
        [
            mo.md("## A day by half hour"),
            alt.Chart(half_hours)
            .mark_line(interpolate="step-after")
            .encode(x="start_local:T", y="kwh:Q", color="energy:N"),
        ]
    )
    return


@app.cell
def _(connection, mo):
    costs = connection.sql(
        """
        SELECT month, site, tariffs, round(import_cost_gbp, 2) AS import_cost,
            round(export_income_gbp, 2) AS export_income, round(net_cost_gbp, 2) AS net_cost,
            round(saved_gbp, 2) AS saved, days, days_expected
        FROM cost_monthly WHERE tariffs IS NOT NULL ORDER BY month, site
        """
    ).df()
    mo.vstack([mo.md("## Costs"), mo.ui.table(costs)])
    return


@app.cell
def _(connection, mo):
    health = connection.sql(
        """
        SELECT inverter_serial, month, round(usable_kwh, 2) AS usable_kwh, runs,
            round(bms_kwh, 2) AS bms_kwh, round(100 * round_trip, 1) AS round_trip_percent
        FROM battery_health WHERE runs > 0 ORDER BY inverter_serial, month
        """
    ).df()
    mo.vstack([mo.md("## Battery health"), mo.ui.table(health)])
    return


if __name__ == "__main__":
    app.run()
