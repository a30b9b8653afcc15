"""Alerts: one per cause when a problem starts, and one when it is resolved.

Problems follow from the stored states (`overdue`) and from runs that failed before they could
request days (`failure_kinds`). `sent_alerts` stores the alerts sent so far, `message` writes their
text, `channels` delivers them, `send_alerts` combines these and `sensors` runs it in Dagster.
"""

from pipelines.alerts.failure_kinds import failure_kind_of
from pipelines.alerts.send_alerts import (
    AlertReport,
    file_problem,
    send_alerts,
    send_file,
    send_test,
)

__all__ = [
    "AlertReport",
    "failure_kind_of",
    "file_problem",
    "send_alerts",
    "send_file",
    "send_test",
]
