"""Alerts: one when something goes wrong, for each cause, and one when it is resolved.

What is wrong follows from the stored states (`overdue`) and from runs that failed before they could
request days (`failure_kinds`). `sent_alerts` stores what was sent, `message` words it, `channels`
delivers it, `send_alerts` puts these together and `sensors` runs it in Dagster.
"""

from pipelines.alerts.failure_kinds import failure_kind_of
from pipelines.alerts.send_alerts import AlertReport, send_alerts, send_test

__all__ = ["AlertReport", "failure_kind_of", "send_alerts", "send_test"]
