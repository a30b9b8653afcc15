"""`python -m pipelines.cli` is `givlake`."""

from pipelines.cli.main import main

main()
