"""The schedules and sensors that the owner has stopped in Dagster.

Dagster has no public function that lists them without its web server. Needed with Dagster 1.13.27
and before. Waits for: a public way to read the state of schedules and sensors from an instance, for
which no upstream issue is open.
"""

import dagster as dg

_LOCATION = "pipelines.definitions"


def stopped_instigators(instance: dg.DagsterInstance) -> set[str]:
    """Return the names of the schedules and sensors that the owner has stopped in Dagster."""
    return {
        state.instigator_name
        for state in instance.all_instigator_state()
        if state.status.value == "STOPPED" and state.repository_selector.location_name == _LOCATION
    }
