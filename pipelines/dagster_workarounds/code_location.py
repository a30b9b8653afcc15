"""The code location of an account, and which runs of a shared instance are its own.

Several accounts can share an instance, each with a code location named after it. Dagster labels
each run with its location, but has no public name for that label. Needed with Dagster 1.13.27 and
before. Waits for: a field of `RunsFilter` for the code location, for which no upstream issue is
open.
"""

import dagster as dg

MODULE = "pipelines.definitions"
# As Dagster names the definitions of a module that it loads with `-m`.
REPOSITORY = "__repository__"
_LABEL_TAG = ".dagster/repository"


def location_name(account_name: str | None) -> str:
    """Return the name of the code location of an account; None is the account without a name."""
    return account_name or MODULE


def own_runs_tag(account_name: str | None) -> dict[str, str]:
    """Return the tag of all runs of an account's code location, for `RunsFilter`."""
    return {_LABEL_TAG: f"{REPOSITORY}@{location_name(account_name)}"}


def own_runs(account_name: str | None, *statuses: dg.DagsterRunStatus) -> dg.RunsFilter:
    """Return a filter for the runs of an account that have one of the statuses."""
    return dg.RunsFilter(statuses=list(statuses), tags=own_runs_tag(account_name))
