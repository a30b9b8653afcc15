"""Open a session from the settings: data folder, account, request budget, client."""

import errno
import logging
import os
import sqlite3
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from assets.catalogue_views import catalogue_views
from assets.framework.decoding.decoder import decoders
from assets.framework.ingestion.session import Session
from assets.registry import daily_datasets, datasets
from givenergy import (
    BudgetSnapshot,
    Client,
    RequestBudget,
    SqliteRequestBudget,
    resolve_account,
    utc_now,
)
from givenergy.errors import BudgetStoreError
from givenergy.models import FailedAttempt
from givenergy.retry import NO_RETRY, RetryPolicy
from pipelines.account_zone import is_zone_due, store_zone, use_zone, zone_of
from pipelines.attempt_archiver import AttemptArchiver
from pipelines.clock_state import restore_clock, store_clock
from pipelines.discovery import expected_of, known_devices, last_discovery
from pipelines.pseudonyms import pseudonym_key
from pipelines.request_count import add_sent
from pipelines.restore_expected_days import restore_expected_days
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from pipelines.settings_to_read import setting_reads_of
from pipelines.stop_signals import cancelled_on_stop
from pipelines.tariffs.tariff_store import renew_prices, stored_currency
from warehouse import (
    Lake,
    ReadOnlyLake,
    publish,
    publish_watermarks,
    read_state,
    repair_tables,
    state_file,
    unfinished,
)
from warehouse.lake import EXPECTED_FILE
from warehouse.storage.atomic_files import reason_of

_LOG = logging.getLogger(__name__)
BudgetOpener = Callable[[Settings, str], RequestBudget]
_ACCOUNT_KEY = "account_key"


def open_lake(settings: Settings, *, repair: bool = True) -> Lake:
    """Open the data folder, its catalogue up to date and its tables whole.

    Args:
        settings: Where the data folder is.
        repair: Rebuild tables and expected days that were removed or changed.

    Raises:
        SettingsError: The folder does not exist and cannot be created.
        WarehouseError: The folder cannot be used.
    """
    try:
        lake = Lake(settings.data)
    except OSError as error:
        why = f"which cannot be used as the data folder ({error.strerror})"
        raise SettingsError(
            f"GIVLAKE_DATA is {str(settings.data)!r}, {why}: use a folder that you can write to."
        ) from error
    restore_clock(lake)
    _warn_of_interrupted_forget(lake)
    publish_watermarks(lake, [dataset.name for dataset in datasets()])
    known = decoders(datasets())
    views = catalogue_views(stored_currency(lake.folder))
    publish(lake, [table for decoder in known for table in decoder.tables], views)
    renew_prices(lake, utc_now())
    if repair:
        repair_tables(lake, known)
        if (key := lake.state.get(_ACCOUNT_KEY)) is not None and settings.is_zone_set:
            use_zone(lake, settings.zone, [str(key)])
        if lake.expected().num_rows == 0:
            restore_expected_days(lake, zone_of(settings, lake.state.all()))
    return lake


def open_for_reading(settings: Settings) -> ReadOnlyLake:
    """Open the data folder for a command that only reads; nothing in it is changed or created.

    `problems` lists what `open_lake` would repair. A folder that does not exist is empty.

    Args:
        settings: Where the data folder is.

    Raises:
        SettingsError: The setting is no valid folder.
        WarehouseError: The folder cannot be used.
    """
    try:
        if not stat.S_ISDIR(settings.data.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    except FileNotFoundError:
        pass
    except OSError as error:
        reason = reason_of(error, settings.data) or f"{error.strerror}: use another folder"
        raise SettingsError(f"GIVLAKE_DATA is {str(settings.data)!r}: {reason}.") from error
    rules = [dataset.coverage_rule for dataset in daily_datasets()]
    views = catalogue_views(stored_currency(settings.data))
    lake = ReadOnlyLake(settings.data, decoders(datasets()), views, rules)
    restore_clock(lake)
    _warn_of_interrupted_forget(lake)
    if lake.expected().num_rows == 0 and last_discovery(lake) is not None:
        zone = zone_of(settings, lake.state.all())
        expected = expected_of(lake, known_devices(lake), zone)
        if expected.num_rows:
            lake.expect(expected)
            if not any(EXPECTED_FILE in problem for problem in lake.problems):
                lake.problems.append(f"{EXPECTED_FILE} is empty")
    return lake


def _warn_of_interrupted_forget(lake: Lake) -> None:
    if begun := unfinished(lake):
        _LOG.warning(
            "The erasure of %s was interrupted: run the same givlake forget command again",
            ", ".join(begun),
        )


def open_budget(settings: Settings, account: str, reserve: int | None = None) -> RequestBudget:
    """Open the request budget of an account.

    Args:
        settings: Where the data folder is.
        account: Key of the account.
        reserve: Requests per minute left to other programs; None takes the setting.
    """
    return SqliteRequestBudget(
        budget_store(settings),
        account=account,
        reserve=settings.reserve if reserve is None else reserve,
    )


def budget_snapshot(settings: Settings, account: str) -> BudgetSnapshot | None:
    """Return the state of an account's request budget; None if it has none. Nothing is changed."""
    store = budget_store(settings)
    if not os.access(store, os.R_OK):
        return None
    with tempfile.TemporaryDirectory(prefix="givlake-") as folder:
        copy = Path(folder, store.name)
        try:
            with (
                closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
        except sqlite3.Error as error:
            raise BudgetStoreError(
                f"The request budget {store} cannot be read ({error}): remove it if it is damaged;"
                " the next command that requests creates it again."
            ) from error
        budget = SqliteRequestBudget(copy, account=account, reserve=settings.reserve)
        try:
            return budget.snapshot()
        finally:
            budget.close()


def budget_store(settings: Settings) -> Path:
    """Return the file of the request budget."""
    return settings.data / "state" / "budget.sqlite"


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
        SettingsError: There is no token, or token or URL are not valid.
        GivEnergyError: The account cannot be requested.
        WarehouseError: The data folder cannot be used.
    """
    token = settings.required_token()
    cancelled = cancelled or threading.Event()
    budget_settings = settings
    stored: dict[str, Any] = {}
    if scratch is not None:
        stored = stored_state(settings)
        settings = settings.model_copy(update={"data": scratch})
        if not os.access(budget_store(budget_settings), os.W_OK):
            budget_settings = settings
    with (
        open_lake(settings) as lake,
        _counted() as clients,
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
                    retry=_retry_policy(settings.retry_s),
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
        archiver.account, is_open = account.budget_key, True
        if lake.state.get(_ACCOUNT_KEY) != account.budget_key:
            lake.state.set(_ACCOUNT_KEY, account.budget_key)
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
def _counted() -> Iterator[list[Client]]:
    """Yield a list of clients, whose requests are counted at the end."""
    clients: list[Client] = []
    try:
        yield clients
    finally:
        add_sent(sum(client.totals.requests for client in clients))


def _retry_policy(retry_s: int) -> RetryPolicy:
    """Return a policy that retries for this long; less than usual, it makes fewer tries."""
    usual = RetryPolicy()
    if retry_s == 0:
        return NO_RETRY
    return replace(usual, span_s=retry_s, tries=usual.tries if retry_s >= usual.span_s else 1)


def stored_state(settings: Settings) -> dict[str, Any]:
    """Return what earlier runs stored in the data folder, without creating it."""
    try:
        return dict(read_state(state_file(settings.data)))
    except NotADirectoryError:
        return {}


def stored_zone(settings: Settings) -> str:
    """Return the time zone of the days, without a request."""
    return zone_of(settings, stored_state(settings))


def stored_account(settings: Settings) -> str | None:
    """Return the key of the account that was used last, or None."""
    return stored_state(settings).get(_ACCOUNT_KEY)
