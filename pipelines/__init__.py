"""How givlake runs: settings, Dagster definitions, schedules, sensors, checks and the command line.

What is ingested stands in `assets`, where it rests in `warehouse`, how the API is asked in
`givenergy`.
"""
