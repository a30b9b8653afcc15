"""What Dagster filters and watches assets by: owner, domain, layer, and how old they may become."""

from datetime import timedelta

import dagster as dg

from assets.framework.contract.dataset import Cadence, Dataset, SnapshotDataset

# Dagster takes an address or a team; who runs the pipeline owns its assets.
OWNERS = ("team:energy-data",)
_ACCOUNT = "account"
# The ages at which the next scheduled run, and the one after it, should have brought newer data.
_WARN_FAIL = {
    Cadence.EVERY_POLL: (timedelta(hours=3), timedelta(hours=12)),
    Cadence.DAILY: (timedelta(hours=26), timedelta(hours=50)),
    Cadence.WEEKLY: (timedelta(days=8), timedelta(days=15)),
}


def domain_tags(dataset: Dataset) -> dict[str, str]:
    """Return the tags of a dataset's assets: the kind of device that it is about."""
    return {"domain": "_".join(map(str, dataset.device_kinds)) or _ACCOUNT}


def freshness_policy(dataset: Dataset) -> dg.FreshnessPolicy:
    """Return how old the newest materialization of a dataset may become while schedules run."""
    cadence = dataset.cadence if isinstance(dataset, SnapshotDataset) else Cadence.DAILY
    warn, fail = _WARN_FAIL[cadence]
    return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)
