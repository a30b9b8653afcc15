"""Run givlake: settings, Dagster definitions, schedules, sensors, checks and the command line.

`assets` declares the datasets, `warehouse` stores them and `givenergy` is the API client.
"""

from pipelines.memory import configure_allocators

# Here, because no module of the package may import pyarrow before.
configure_allocators()
