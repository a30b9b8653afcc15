"""Telling the owner that something is wrong, once for each cause, and that it is over, once.

What is wrong follows from the stored states (`missing`) and from runs that did not get as far
(`troubles`); what was told of it is kept in the data folder (`told`); `message` has the words,
`channels` the ways they go, `tell` puts it together, `sensors` is its place in Dagster.
"""

from pipelines.alerts.failure_kinds import failure_kind_of
from pipelines.alerts.send_alerts import AlertReport, send_alerts, send_test

__all__ = ["AlertReport", "failure_kind_of", "send_alerts", "send_test"]
