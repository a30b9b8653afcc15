"""The `givlake` command: a thin skin over the same assets that Dagster shows.

One module for each group of commands; what they have in common stands in `pipelines.cli.common`.
"""

from pipelines.cli.main import main

__all__ = ["main"]
