"""The channels of alerts: Apprise URLs, and the API's notifications to the owner's own app.

An Apprise URL is a secret like the token: errors name it by its position and scheme only, and the
logs of the libraries are silenced while one is used.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import msgspec

from givenergy.client import Client
from givenergy.endpoints.notification_endpoints import NOTIFICATION_SEND
from givenergy.errors import GivEnergyError
from givenergy.retry import NO_RETRY
from givenergy.transport import Timeouts
from pipelines.account_budget import open_budget
from pipelines.alerts.message import Message
from pipelines.open_folder import stored_account
from pipelines.settings import Settings

if TYPE_CHECKING:
    import apprise

_ICON = "mdi-alert-outline"
# A sensor waits for it, or a command that is otherwise done.
_APP_TIMEOUT_S = 20.0
_LOGGERS = ("apprise", "urllib3")


class AlertError(Exception):
    """A channel did not deliver an alert; the message says which one and what to do."""


class Channel(Protocol):
    """A channel by which alerts are sent."""

    def can_attach(self) -> bool:
        """Return whether a file can go with a message."""

    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            AlertError: The channel did not deliver it.
        """


NO_CHANNEL = (
    "No alert channel is set: set GIVLAKE_ALERT_URLS to Apprise addresses, or GIVLAKE_ALERT_APP"
    " to 1."
)
NONE_ATTACHES = (
    "None of the alert channels can take a file: add the address of a service that does to"
    " GIVLAKE_ALERT_URLS, such as mailto://…; the GivEnergy app takes text only."
)


def channels(settings: Settings) -> list[Channel]:
    """Return the channels that the owner has set."""
    urls: list[Channel] = [
        _Apprise(number, url, settings.account_name)
        for number, url in enumerate(settings.alert_urls, start=1)
    ]
    return [*urls, _App(settings)] if settings.alert_app else urls


def send(channels: Sequence[Channel], message: Message) -> list[str]:
    """Send a message by all channels; return an error message for each that failed."""
    errors = []
    for channel in channels:
        try:
            channel.send(message)
        except AlertError as error:
            errors.append(str(error))
    return errors


class _Apprise:
    def __init__(self, number: int, url: str, account: str | None) -> None:
        self._name = f"address {number} of GIVLAKE_ALERT_URLS ({url.partition('://')[0]}://…)"
        self._url = url
        # For whoever hears of several accounts; the app hears of its own only.
        self._prefix = f"[{account}] " if account else ""

    def can_attach(self) -> bool:
        with _silence(*_LOGGERS):
            service = self._service()
        # One that is no service says so when it is used.
        return all(server.attachment_support for server in service.services)

    def send(self, message: Message) -> None:
        # Imported here, as it takes a quarter of a second and most commands send nothing.
        import apprise
        from apprise.attachment.file import AttachFile

        with _silence(*_LOGGERS):
            service = self._service()
            if not service.services:
                raise AlertError(
                    f"The {self._name} is not an Apprise URL: compare it with Apprise's list of"
                    " services."
                )
            file = message.attachment
            sent = service.notify(
                title=f"{self._prefix}{message.title}",
                body=message.body,
                body_format=apprise.NotifyFormat.TEXT,
                # Not as text, in which Apprise would look for parameters.
                attach=None if file is None else AttachFile(str(file)),  # type: ignore[no-untyped-call]
            )
        if not sent:
            what = "alert" if message.attachment is None else "report"
            raise AlertError(
                f"The {self._name} rejected the {what}: check the address and its service."
            )

    def _service(self) -> "apprise.Apprise":
        import apprise

        service = apprise.Apprise(asset=apprise.AppriseAsset(app_id="givlake"))
        service.add(self._url)
        return service


class _App:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def can_attach(self) -> bool:
        return False

    def send(self, message: Message) -> None:
        account = stored_account(self._settings)
        if account is None:
            raise AlertError(
                "The app cannot be notified: the account is not known yet. Run givlake sync once."
            )
        budget = open_budget(self._settings, account)
        cancelled = threading.Event()
        try:
            client = Client(
                base_url=self._settings.url,
                token=self._settings.required_token(),
                budget=budget,
                retry=NO_RETRY,
                timeouts=Timeouts(read_s=_APP_TIMEOUT_S, total_s=_APP_TIMEOUT_S),
                cancelled=cancelled,
            )
        except ValueError as error:
            budget.close()
            raise AlertError(f"The app cannot be notified: {error}") from error
        timer = threading.Timer(_APP_TIMEOUT_S, cancelled.set)
        timer.start()
        try:
            fetched = client.fetch(
                NOTIFICATION_SEND,
                body={
                    "platforms": ["persist", "push"],
                    "title": message.title,
                    "body": message.body,
                    "icon": _ICON,
                },
            )
        except GivEnergyError as error:
            reason = (
                f"no response within {_APP_TIMEOUT_S:.0f} s, or ten alerts sent within the last"
                " hour; givlake tries again later."
                if cancelled.is_set()
                else str(error)
            )
            raise AlertError(f"The app was not notified: {reason}") from error
        finally:
            timer.cancel()
            client.close()
            budget.close()
        if msgspec.json.decode(fetched.pages[0].body).get("success") is not True:
            raise AlertError(
                "The app was not notified: the API could not send it to every platform."
            )


@contextmanager
def _silence(*names: str) -> Iterator[None]:
    """Silence loggers that would log an address in full."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
