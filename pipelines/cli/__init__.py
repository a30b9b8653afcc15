"""The `givlake` command line, which runs the same assets as Dagster.

One module per group of commands; `pipelines.cli.common` contains what they share.
"""

import os
import sys

from pipelines.stop_signals import INTERRUPTED, acknowledged, is_urgent

__all__ = ["main"]


def main() -> None:
    """Run the command line; an interruption, also while modules load, is one message."""
    # NumPy's linear algebra, which nothing here uses, would start a thread for each core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        with acknowledged():
            from pipelines.cli.givlake_command import run_command

            run_command()
    except KeyboardInterrupt:
        print("Interrupted. Run the same command to resume.", file=sys.stderr, flush=True)
        if is_urgent():
            # Not even for threads that wait for responses.
            os._exit(INTERRUPTED)
        sys.exit(INTERRUPTED)
