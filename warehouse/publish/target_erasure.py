"""Erasure of a device or an account from the targets that a data folder was published to.

The folder no longer has it: a publication replaces the rows, and what is left are old files and
the log, which are removed at once. While a target cannot be reached, a note of it stays.
"""

from __future__ import annotations

from collections.abc import Callable

from warehouse.errors import PublishError, WarehouseError
from warehouse.lake import Lake
from warehouse.publish.delta_target import DeltaTarget
from warehouse.publish.publication import PublicationOptions, Publishable, publish_folder
from warehouse.publish.published_targets import PublishedTargets


def erase_from_targets(
    lake: Lake,
    target_of: Callable[[str], DeltaTarget],
    account: str | None,
    publishable: Publishable,
    owner: str | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Make every target what the folder is now, and remove what it was before.

    Args:
        lake: The data folder, without what is to be erased.
        target_of: Returns the target of a URL, with its credentials.
        account: The account's name, None if the folder has none any more.
        publishable: What the folder publishes.
        owner: What tells the account from another one with the same name; None if that is unknown.
        report: Is told what is done.

    Returns:
        The URLs of the targets.

    Raises:
        PublishError: Some targets still name it.
    """
    noted = PublishedTargets(lake)
    done, errors = [], []
    targets = {url: names for url, names in noted.all().items() if names}
    # All before the first, so that each is known to have what is forgotten if this is killed.
    for url in targets:
        noted.set_erasing(url, is_erasing=True)
    for url, names in targets.items():
        try:
            _erase(lake, target_of(url), account or names[-1], publishable, owner, report)
        except WarehouseError as error:
            errors.append(str(error))
        else:
            done.append(url)
    if errors:
        raise PublishError(f"everything is erased but what was published: {'; '.join(errors)}")
    return done


def _erase(
    lake: Lake,
    target: DeltaTarget,
    account: str,
    publishable: Publishable,
    owner: str | None,
    report: Callable[[str], None],
) -> None:
    options = PublicationOptions(purge=True, owner=owner, wait_s=None)
    done = publish_folder(lake, target, account, publishable, options, report)
    if done.errors:
        raise PublishError("; ".join(done.errors))
