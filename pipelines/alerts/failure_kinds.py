"""Why a run did not get as far as asking for days: kinds of trouble, in words of our own.

What the API said is left out: it may hold an address, and it went to the log already.
"""

from givenergy import ForbiddenError, GivEnergyError
from givenergy.errors import PaymentRequiredError, UnauthenticatedError
from pipelines.settings import SettingsError
from warehouse import WarehouseError

# Under which a run's failure names its kind of trouble in Dagster's metadata.
TROUBLE_LABEL = "givlake/trouble"
STALE = "stale"
_FAULT = "fault"

_WORDS = {
    "token": "The API does not accept the token: make a new one and set GIVENERGY_API_TOKEN to it",
    "plan": "The plan of the account does not cover the API: check it in the GivEnergy portal",
    "scope": "The token may not do what givlake needs: givlake doctor names the scope",
    "api": "The API cannot be reached or does not answer as it should: givlake doctor says more",
    "settings": "A setting cannot be used: givlake doctor names it",
    "data folder": "The data folder cannot be used: givlake doctor says why",
    STALE: "Nothing has been asked for since the day before yesterday: see whether the schedules"
    " or cron still run",
}
_OVER = {
    "token": "The API accepts the token again",
    "plan": "The account has access to the API again",
    "scope": "The token may do again what givlake needs",
    "api": "The API answers again",
    "settings": "The settings can be used again",
    "data folder": "The data folder can be used again",
    STALE: "givlake asks for new days again",
}


def failure_kind_of(error: BaseException, job: str) -> str:
    """Name the kind of trouble that an error means; one that nobody foresaw is the job's own."""
    match error:
        case UnauthenticatedError():
            return "token"
        case PaymentRequiredError():
            return "plan"
        case ForbiddenError():
            return "scope"
        case GivEnergyError():
            return "api"
        case SettingsError():
            return "settings"
        case WarehouseError():
            return "data folder"
    return fault_of(job)


def fault_of(job: str) -> str:
    """Name the trouble of a job that failed for a reason that nobody foresaw."""
    return f"{_FAULT} {job}"


def job_at_fault(trouble: str) -> str | None:
    """The job whose own trouble it is; None for all other kinds."""
    kind, _, job = trouble.partition(" ")
    return job if kind == _FAULT and job else None


def words(trouble: str) -> str:
    """Say what is wrong and what to do."""
    if (job := job_at_fault(trouble)) is not None:
        return f"{job} failed for a reason that givlake does not know: its log says more"
    return _WORDS[trouble]


def words_when_over(trouble: str) -> str:
    """Say that it is over."""
    if (job := job_at_fault(trouble)) is not None:
        return f"{job} runs again"
    return _OVER[trouble]
