"""Marts: views and table macros of the catalogue for one purpose each, one SQL file per mart.

A file in `sql` becomes a view of its name, one in `macros` a table macro, a view with parameters:
`FROM name(from_date := DATE '2025-01-01')`. The comment at the beginning of a file is all of its
documentation: what it says becomes the comments of the catalogue, the data dictionary, `givlake
describe` and the description of the Dagster asset.

    -- One sentence or two on what the mart has.
    --
    -- Notes and caveats, for the data dictionary; any number of paragraphs.
    --
    -- key: inverter_serial, start_at
    -- reads: energy_flows, coverage
    -- parameters:
    -- from_date: First local day.
    -- days := 28: Number of days; 28 unless given.
    -- columns:
    -- inverter_serial varchar: Serial number of the inverter.
    -- solar_kwh double: Solar energy; null where it is unknown,
    -- continued on a second line.
    select inverter_serial, …

`key` has the columns that identify a row; `slot or null` in it is the column `slot`, which can be
null. `reads` has every table, view and macro that the SQL names: a mart is created after those, and
they are its lineage in Dagster. `columns` has all columns in order, with
DuckDB's types. A line that is no `name type: text` in lower case, or that begins with `null:`,
continues the one before it.

`parameters` is for macros only, and needed there; text after `:=` is the SQL of a default, without
which a parameter must be given. A parameter is untyped, so that every DuckDB from 1.0 on can read
the catalogue: cast it (`from_date::date`), and name one that is selected (`days AS day_count`). No
parameter has the name of a column. DuckDB looks up what a macro reads in the default database: one
that is attached needs `USE` first.
"""
