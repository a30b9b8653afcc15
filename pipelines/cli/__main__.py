"""`python -m pipelines.cli` is `givlake`."""

from pipelines.cli import main

main()
