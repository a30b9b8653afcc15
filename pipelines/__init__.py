"""How givlake runs: settings, Dagster definitions, schedules, sensors, checks and the command line.

What is ingested stands in `assets`, where it rests in `warehouse`, how the API is asked in
`givenergy`.
"""

from pipelines.memory import give_memory_back

# Here, as nothing of the package may import pyarrow before.
give_memory_back()
