"""Telling the owner that something is wrong, once for each cause, and that it is over, once.

What is wrong follows from the stored states (`missing`) and from runs that did not get as far
(`troubles`); what was told of it is kept in the data folder (`told`); `message` has the words,
`channels` the ways they go, `tell` puts it together, `sensors` is its place in Dagster.
"""

from pipelines.alerts.failure_kinds import trouble_of
from pipelines.alerts.send_alerts import Told, send_test, tell

__all__ = ["Told", "send_test", "tell", "trouble_of"]
