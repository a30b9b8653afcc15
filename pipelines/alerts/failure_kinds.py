"""Kinds of failure of runs that ended before they could request days.

The API's own message is left out: it may contain an address, and the log has it already.
"""

from givenergy.errors import (
    ForbiddenError,
    GivEnergyError,
    LocalFaultError,
    PaymentRequiredError,
    UnauthenticatedError,
)
from pipelines.settings_file import SettingsError
from warehouse.errors import WarehouseError

# The label of the kind of failure in a run's metadata.
FAILURE_KIND_LABEL = "givlake/failure_kind"
STALE = "stale"
_UNEXPECTED = "fault"
# Its failures are of channels, most of all.
REPORT_JOB = "send_report"

_DESCRIPTIONS = {
    "token": "The API rejects the token: create a new one and set GIVENERGY_API_TOKEN",
    "plan": "The plan of the account does not cover the API: check it in the GivEnergy portal",
    "scope": "The token lacks a scope that givlake needs: givlake doctor names it",
    "api": "The API is unreachable or its responses are wrong: run givlake doctor for details",
    "network": "A proxy or certificate setting keeps requests back: givlake doctor names it",
    "settings": "A setting is not valid: givlake doctor names it",
    "data folder": "The data folder is not usable: run givlake doctor for details",
    STALE: "No request since the day before yesterday: check that the schedules or cron run",
}
_RECOVERIES = {
    "token": "The API accepts the token again",
    "plan": "The account has access to the API again",
    "scope": "The token has the scopes that givlake needs again",
    "api": "The API responds correctly again",
    "network": "Requests reach the API again",
    "settings": "The settings are valid again",
    "data folder": "The data folder is usable again",
    STALE: "givlake requests new days again",
}


def failure_kind_of(error: BaseException, job: str) -> str:
    """Return the kind of failure of an error; an unexpected error is a kind of its own per job."""
    match error:
        case UnauthenticatedError():
            return "token"
        case PaymentRequiredError():
            return "plan"
        case ForbiddenError():
            return "scope"
        case LocalFaultError():
            return "network"
        case GivEnergyError():
            return "api"
        case SettingsError():
            return "settings"
        case WarehouseError():
            return "data folder"
    return unexpected_failure_of(job)


def unexpected_failure_of(job: str) -> str:
    """Return the kind of failure of a job with an unexpected error."""
    return f"{_UNEXPECTED} {job}"


def failed_job(failure: str) -> str | None:
    """Return the job of an unexpected failure; None for all other kinds."""
    kind, _, job = failure.partition(" ")
    return job if kind == _UNEXPECTED and job else None


def describe_failure(failure: str) -> str:
    """Return what is wrong and what to do."""
    if (job := failed_job(failure)) is not None:
        if job == REPORT_JOB:
            return f"A report could not be sent to every channel: see the log of {REPORT_JOB}"
        return f"{job} failed with an unexpected error: see its log"
    return _DESCRIPTIONS[failure]


def describe_recovery(failure: str) -> str:
    """Return that a kind of failure is resolved."""
    if (job := failed_job(failure)) is not None:
        return f"{job} succeeds again"
    return _RECOVERIES[failure]
