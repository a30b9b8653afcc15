"""Where the data folder is published to, with which credentials, and under which name."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipelines.open_folder import ACCOUNT_KEY
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError, absolute, merged_environment
from warehouse.lake import Lake

if TYPE_CHECKING:
    from warehouse.publish.delta_target import DeltaTarget

_SCHEMES = ("s3", "s3a", "gs", "az", "abfs", "abfss")


def required_extra() -> None:
    """Refuse to go on without the package that writes Delta tables.

    Raises:
        SettingsError: It is not installed.
    """
    if importlib.util.find_spec("deltalake") is None:
        raise SettingsError("Publishing needs the package deltalake: pip install 'givlake[delta]'")


def target_of(settings: Settings, given: str | None = None) -> "DeltaTarget":
    """Return the target that is given, or else the one that is set.

    Raises:
        SettingsError: There is none, or it is no folder and no URL of an object store.
    """
    from warehouse.publish.delta_target import DeltaTarget, credentials_in

    url = given or settings.publish_to
    if not url:
        raise SettingsError(
            "Nowhere to publish to: name a folder or a URL such as s3://bucket/givlake, or set"
            " GIVLAKE_PUBLISH_TO."
        )
    if "://" not in url:
        folder = absolute(url, "the target")
        _refuse_data_folder(settings.data, folder)
        return DeltaTarget(str(folder), {})
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query:
        raise SettingsError(
            "The target's URL has credentials: put them into the variables of the object store,"
            " such as AWS_SECRET_ACCESS_KEY."
        )
    if parts.scheme not in _SCHEMES or not parts.netloc:
        raise SettingsError(
            f"The target is {url!r}: use a folder, or {', '.join(f'{s}://' for s in _SCHEMES)} with"
            " a bucket."
        )
    return DeltaTarget(url, credentials_in(merged_environment()))


def account_of(settings: Settings, lake: Lake) -> str:
    """Return what the column `account` says: the account's name, or its opaque key.

    Raises:
        SettingsError: No account was used in the folder yet.
    """
    if (name := stored_name(settings, lake)) is None:
        raise SettingsError(f"No data in {lake.folder} yet: start with givlake backfill.")
    return name


def stored_name(settings: Settings, lake: Lake) -> str | None:
    """Return the account's name, or its opaque key; None if none was used in the folder."""
    name = settings.account_name or lake.state.get(ACCOUNT_KEY)
    return None if name is None else str(name)


def _refuse_data_folder(data: Path, target: Path) -> None:
    data, target = data.resolve(), target.resolve()
    if data == target or data in target.parents or target in data.parents:
        raise SettingsError(
            f"The target {target} is in the data folder {data} or around it: choose another folder."
        )
