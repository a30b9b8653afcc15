"""The `givlake` command line, which runs the same assets as Dagster.

One module per group of commands; `pipelines.cli.common` contains what they share.
"""

from pipelines.cli.main import main

__all__ = ["main"]
