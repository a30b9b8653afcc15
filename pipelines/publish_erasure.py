"""The part of `givlake forget` in published tables; nothing where nothing was published."""

from pipelines.folder_account import owner_of
from pipelines.publish_target import required_extra, stored_name, target_of
from pipelines.settings import Settings
from pipelines.tariffs.tariff_store import stored_currency
from warehouse.lake import Lake
from warehouse.publish.published_targets import PublishedTargets


def erase_published(settings: Settings, lake: Lake) -> list[str]:
    """Bring every target to what the folder is now, and remove what it was before.

    Returns:
        The URLs of the targets.

    Raises:
        PublishError: Some targets still have it.
        SettingsError: The package that it needs is not installed.
    """
    if not PublishedTargets(lake).all():
        return []
    required_extra()
    # Imported here, because few folders are published.
    from pipelines.publishable import publishable
    from warehouse.publish.target_erasure import erase_from_targets

    return erase_from_targets(
        lake,
        lambda url: target_of(settings, url),
        stored_name(settings, lake),
        publishable(stored_currency(settings.data)),
        owner_of(lake.state),
    )
