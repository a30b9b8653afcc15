"""Open a session with a second source: an API of the same form at another address."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from assets.framework.ingestion.session import Session
from givenergy.account_identity import account_key
from givenergy.budget.shared_budget import SharedRequestBudget
from givenergy.client import Client
from pipelines.account_budget import budget_store
from pipelines.account_zone import zone_of
from pipelines.attempt_archiver import AttemptArchiver
from pipelines.open_folder import ACCOUNT_KEY, open_lake
from pipelines.pseudonyms import pseudonym_key
from pipelines.session_factory import counted_clients, retry_policy
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from pipelines.stop_signals import cancelled_on_stop


@contextmanager
def open_source_session(
    settings: Settings, name: str, *, tell: Callable[[str], object] = lambda _: None
) -> Iterator[Session]:
    """Open a session with the second source.

    It has a request budget of its own and remembers by itself what was refused. The account and the
    time zone are those of the data folder, to whose history its rows are added.

    Args:
        settings: Where the data folder is, address and token of the source.
        name: The name of the source.
        tell: Called with a sentence when the source stops responding, and when it responds again.

    Raises:
        SettingsError: There is no source of this name, or its address or token is not valid.
        WarehouseError: The data folder cannot be used.
    """
    url, token = _address_of(settings, name)
    key, cancelled = account_key(url, f"source-{name}"), threading.Event()
    with (
        open_lake(settings) as lake,
        counted_clients() as clients,
        cancelled_on_stop(cancelled, lambda: sum(client.activity.in_flight for client in clients)),
        closing(SharedRequestBudget(budget_store(settings), account=key)) as budget,
    ):
        account = str(lake.state.get(ACCOUNT_KEY) or "")
        try:
            client = Client(
                base_url=url,
                token=token,
                budget=budget,
                on_attempt=AttemptArchiver(lake, name, account).archive,
                connections=settings.connections,
                retry=retry_policy(settings.retry_s),
                cancelled=cancelled,
                keep_personal=settings.keep_personal,
                pseudonym_key=pseudonym_key(settings.data / "state"),
            )
        except ValueError as error:
            raise SettingsError(f"The second source cannot be used: {error}") from error
        clients.append(client)
        with closing(client):
            yield Session(
                lake=lake,
                client=client,
                budget=budget,
                account=account,
                zone=zone_of(settings, lake.state.all()),
                connections=settings.connections,
                range_days=settings.range_days,
                cancelled=cancelled,
                tell=tell,
                source=name,
            )


def _address_of(settings: Settings, name: str) -> tuple[str, str]:
    if settings.source_url is None:
        raise SettingsError(
            f"There is no source {name!r}: set GIVLAKE_SOURCE_URL, GIVLAKE_SOURCE_NAME and"
            " GIVLAKE_SOURCE_TOKEN."
        )
    if name != settings.source_name:
        raise SettingsError(
            f"There is no source {name!r}: the one that is set is {settings.source_name!r}"
            " (GIVLAKE_SOURCE_NAME)."
        )
    if not settings.source_token:
        raise SettingsError(
            f"GIVLAKE_SOURCE_TOKEN is not set: use a token that {settings.source_url} accepts, such"
            " as the GIVLAKE_SERVE_TOKEN of `givlake serve`."
        )
    return settings.source_url, settings.source_token
