"""Opening what ingestion works with, from the settings: data folder, account, budget, client."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from assets.framework.code_views import views
from assets.framework.decoding.decoder import decoders
from assets.framework.ingestion.session import Session
from assets.reconciliation import reconciliation_views
from assets.registry import datasets
from givenergy import Client, FailedAttempt, RequestBudget, SqliteRequestBudget, resolve_account
from givenergy.retry import NO_RETRY, RetryPolicy
from pipelines.pseudonyms import pseudonym_key
from pipelines.restore_expected_days import restore_expected_days
from pipelines.settings import Settings, SettingsError
from warehouse import Entry, Lake, publish, repair_tables, show_watermarks, unfinished

_LOG = logging.getLogger(__name__)
BudgetOpener = Callable[[Settings, str], RequestBudget]
_ACCOUNT_ZONE = "account_zone"
_ACCOUNT_KEY = "account_key"


def open_lake(settings: Settings, *, mend: bool = True) -> Lake:
    """Open the data folder, its catalogue up to date and its tables whole.

    Args:
        settings: where the data folder is.
        mend: make tables and expectations again that somebody has removed or changed.

    Raises:
        SettingsError: if there is no such folder and none can be made.
        WarehouseError: if it cannot be used.
    """
    try:
        lake = Lake(settings.data)
    except OSError as error:
        raise SettingsError(
            f"GIVLAKE_DATA is {str(settings.data)!r}, which cannot be used as the data folder"
            f" ({error.strerror}): name a folder that you can write to."
        ) from error
    if begun := unfinished(lake):
        _LOG.warning(
            "Forgetting %s was interrupted and is not done: run the same givlake forget again",
            ", ".join(begun),
        )
    show_watermarks(lake, [dataset.name for dataset in datasets()])
    known = decoders(datasets())
    tables = [table for decoder in known for table in decoder.tables]
    publish(lake, tables, [*views(), *reconciliation_views()])
    if mend:
        repair_tables(lake, known)
        if lake.expected().num_rows == 0:
            restore_expected_days(lake, str(lake.settings.get(_ACCOUNT_ZONE) or settings.zone))
    return lake


def open_budget(settings: Settings, account: str, reserve: int | None = None) -> RequestBudget:
    """Open the request budget of an account.

    Args:
        settings: where the data folder is.
        account: key of the account.
        reserve: requests a minute that are left to others; None takes the setting.
    """
    return SqliteRequestBudget(
        budget_store(settings),
        account=account,
        reserve=settings.reserve if reserve is None else reserve,
    )


def budget_store(settings: Settings) -> Path:
    """Name the file of the request budget."""
    return settings.data / "state" / "budget.sqlite"


@contextmanager
def open_session(
    settings: Settings,
    *,
    open_budget: BudgetOpener = open_budget,
    cancelled: threading.Event | None = None,
    prepare: Callable[[Lake], object] | None = None,
) -> Iterator[Session]:
    """Open everything for the account of the token.

    A token that is used for the first time costs one request, for the account behind it.

    Args:
        settings: where the data folder is, token and URL.
        open_budget: opens the request budget of an account.
        cancelled: set to end the session's work.
        prepare: called with the data folder before the API is asked for anything.

    Raises:
        SettingsError: if there is no token, or token or URL cannot be used.
        GivEnergyError: if the account cannot be asked for.
        WarehouseError: if the data folder cannot be used.
    """
    token = settings.required_token()
    cancelled = cancelled or threading.Event()
    with open_lake(settings) as lake:
        if prepare is not None:
            prepare(lake)
        archiver = _Archiver(lake)
        key = pseudonym_key(settings.data / "state")

        def open_client(of: RequestBudget) -> Client:
            try:
                return Client(
                    base_url=settings.url,
                    token=token,
                    budget=of,
                    on_attempt=archiver.archive,
                    connections=settings.connections,
                    retry=_retry_policy(settings.retry_s),
                    cancelled=cancelled,
                    keep_personal=settings.keep_personal,
                    pseudonym_key=key,
                )
            except ValueError as error:
                raise SettingsError(str(error)) from error

        account = resolve_account(
            base_url=settings.url,
            token=token,
            store=budget_store(settings),
            open_client=open_client,
        )
        archiver.account = account.budget_key
        zone = account.timezone or settings.zone
        if lake.settings.get(_ACCOUNT_ZONE) != zone:
            lake.settings.set(_ACCOUNT_ZONE, zone)
        if lake.settings.get(_ACCOUNT_KEY) != account.budget_key:
            lake.settings.set(_ACCOUNT_KEY, account.budget_key)
        budget = open_budget(settings, account.budget_key)
        client = open_client(budget)
        try:
            yield Session(
                lake=lake,
                client=client,
                budget=budget,
                account=account.budget_key,
                zone=zone,
                connections=settings.connections,
                range_days=settings.range_days,
                cancelled=cancelled,
            )
        finally:
            client.close()
            budget.close()


class _Archiver:
    """Puts every failed attempt of a client into the archive."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self.account = ""

    def archive(self, attempt: FailedAttempt) -> None:
        day = attempt.context.get("request_date")
        end = attempt.context.get("request_end_date")
        self._lake.archive.append(
            [
                Entry(
                    dataset=attempt.context.get("dataset", attempt.endpoint),
                    device_id=attempt.context.get("device_id", ""),
                    request_date=date.fromisoformat(day) if day else None,
                    request_end_date=date.fromisoformat(end) if end else None,
                    request_zone=attempt.context.get("request_zone"),
                    method=attempt.method,
                    path=attempt.url_path,
                    params=msgspec.json.encode(attempt.params, order="deterministic").decode(),
                    status=attempt.status,
                    outcome="error",
                    error_kind=attempt.kind,
                    message=attempt.message,
                    requested_at=attempt.requested_at,
                    fetched_at=attempt.ended_at,
                    page=1,
                    page_count=1,
                    complete=False,
                    rows=None,
                    body=attempt.excerpt,
                    attempts=1,
                    redaction_version=None,
                    account=self.account,
                )
            ]
        )


def _retry_policy(retry_s: int) -> RetryPolicy:
    """Try again for this long; a number of tries is asked for only if there is time for it."""
    usual = RetryPolicy()
    if retry_s == 0:
        return NO_RETRY
    return replace(usual, span_s=retry_s, tries=usual.tries if retry_s >= usual.span_s else 1)


def stored_settings(settings: Settings) -> dict[str, Any]:
    """Read what earlier runs stored in the data folder, without making one."""
    if not (settings.data / "settings.json").exists():
        return {}
    with Lake(settings.data) as lake:
        return lake.settings.all()


def stored_zone(settings: Settings) -> str:
    """Give the account's time zone as an earlier run learnt it, else the one in the settings."""
    return str(stored_settings(settings).get(_ACCOUNT_ZONE) or settings.zone)


def stored_account(settings: Settings) -> str | None:
    """Give the key of the account that was last used, or None."""
    return stored_settings(settings).get(_ACCOUNT_KEY)
