"""Open a session from the settings: data folder, account, request budget, client."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from assets.framework.ingestion.session import Session
from givenergy.account_identity import resolve_account
from givenergy.budget.request_budget import RequestBudget
from givenergy.client import Client
from givenergy.models import FailedAttempt
from givenergy.retry import NO_RETRY, RetryPolicy
from givenergy.server_clock import utc_now
from pipelines.account_budget import budget_store, counts_requests, open_budget
from pipelines.account_zone import is_zone_due, store_zone
from pipelines.attempt_archiver import AttemptArchiver
from pipelines.clock_state import store_clock
from pipelines.folder_account import claim_folder
from pipelines.open_folder import ACCOUNT_KEY, open_lake, stored_state
from pipelines.pseudonyms import pseudonym_key
from pipelines.request_count import add_sent
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from pipelines.settings_to_read import setting_reads_of
from pipelines.stop_signals import cancelled_on_stop
from warehouse.lake import Lake

BudgetOpener = Callable[[Settings, str], RequestBudget]


@contextmanager
def open_session(
    settings: Settings,
    *,
    open_budget: BudgetOpener = open_budget,
    cancelled: threading.Event | None = None,
    prepare: Callable[[Lake], object] | None = None,
    scratch: Path | None = None,
    unknown_zone_max_age: timedelta = timedelta(0),
    tell: Callable[[str], object] = lambda _: None,
) -> Iterator[Session]:
    """Open a session for the account of the token.

    The first use of a token costs one request, which identifies its account; it is sent again while
    the account's zone is unknown, and daily.

    Args:
        settings: Where the data folder is, token and URL.
        open_budget: Opens the request budget of an account.
        cancelled: Set to end the session's work.
        prepare: Called with the data folder before the first request.
        scratch: An empty folder to use in place of the data folder, which stays unchanged except
            that its request budget, if it exists and is writable, counts the requests.
        tell: Called with a sentence when the API stops responding, and when it responds again.
        unknown_zone_max_age: After what time to request an account again that has no known zone.

    Raises:
        SettingsError: There is no token, token or URL are not valid, or the data folder holds the
            history of another account.
        GivEnergyError: The account cannot be requested.
        WarehouseError: The data folder cannot be used.
    """
    token = settings.required_token()
    cancelled = cancelled or threading.Event()
    budget_settings = settings
    stored: dict[str, Any] = {}
    data = settings.data
    if scratch is not None:
        stored = stored_state(settings)
        settings = settings.model_copy(update={"data": scratch})
        if not counts_requests(budget_settings):
            budget_settings = settings
    with (
        open_lake(settings, is_temporary=scratch is not None) as lake,
        counted_clients() as clients,
        cancelled_on_stop(cancelled, lambda: sum(client.activity.in_flight for client in clients)),
    ):
        for name, value in stored.items():
            lake.state.set(name, value)
        if prepare is not None:
            prepare(lake)
        archiver, waiting, is_open = AttemptArchiver(lake), list[FailedAttempt](), False
        key = pseudonym_key(settings.data / "state")

        def failed(attempt: FailedAttempt) -> None:
            archiver.archive(attempt)
            # Nothing else watches the request for the account, with which a session begins.
            if not (is_open or waiting or attempt.final):
                waiting.append(attempt)
                tell(f"The account cannot be requested yet ({attempt.message}): trying again.")

        def open_client(budget: RequestBudget) -> Client:
            try:
                client = Client(
                    base_url=settings.url,
                    token=token,
                    budget=budget,
                    on_attempt=failed,
                    connections=settings.connections,
                    retry=retry_policy(settings.retry_s),
                    cancelled=cancelled,
                    keep_personal=settings.keep_personal,
                    pseudonym_key=key,
                    may_ask_devices=scratch is None and settings.read_settings is not None,
                )
            except ValueError as error:
                raise SettingsError(str(error)) from error
            clients.append(client)
            return client

        account = resolve_account(
            base_url=settings.url,
            token=token,
            store=budget_store(budget_settings),
            open_client=open_client,
            is_due=lambda zone: is_zone_due(
                lake.state.all(), zone, unknown_zone_max_age, utc_now()
            ),
        )
        claim_folder(lake.state, data, account, budget_settings)
        archiver.account, is_open = account.budget_key, True
        if lake.state.get(ACCOUNT_KEY) != account.budget_key:
            lake.state.set(ACCOUNT_KEY, account.budget_key)
        budget = open_budget(budget_settings, account.budget_key)
        client = open_client(budget)
        try:
            yield Session(
                lake=lake,
                client=client,
                budget=budget,
                account=account.budget_key,
                zone=store_zone(lake, settings, account),
                connections=settings.connections,
                range_days=settings.range_days,
                cancelled=cancelled,
                tell=tell,
                setting_reads=setting_reads_of(settings),
            )
        finally:
            store_clock(lake)
            client.close()
            budget.close()


@contextmanager
def counted_clients() -> Iterator[list[Client]]:
    """Yield a list of clients, whose requests are counted at the end."""
    clients: list[Client] = []
    try:
        yield clients
    finally:
        add_sent(sum(client.totals.requests for client in clients))


def retry_policy(retry_s: int) -> RetryPolicy:
    """Return a policy that retries for this long; less than usual, it makes fewer tries."""
    usual = RetryPolicy()
    if retry_s == 0:
        return NO_RETRY
    return replace(usual, span_s=retry_s, tries=usual.tries if retry_s >= usual.span_s else 1)
