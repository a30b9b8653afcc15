"""The schedules and sensors that the owner has stopped in Dagster.

Dagster has no public function that lists them without its web server. Needed with Dagster 1.13.27
and before. Waits for: a public way to read the state of schedules and sensors from an instance, for
which no upstream issue is open.
"""

import dagster as dg

from pipelines.dagster_workarounds.code_location import location_name


def stopped_instigators(instance: dg.DagsterInstance, account_name: str | None) -> set[str]:
    """Return the names of the schedules and sensors that the owner of an account has stopped."""
    location = location_name(account_name)
    return {
        state.instigator_name
        for state in instance.all_instigator_state()
        if state.status.value == "STOPPED" and state.repository_selector.location_name == location
    }
