"""The settings of all accounts of the machine, each as if it were the only one."""

from pipelines.child_environment import working_in
from pipelines.named_accounts import account_environment, account_files
from pipelines.settings import Settings, load_settings
from pipelines.settings_file import SettingsError


def accounts_settings() -> dict[str, Settings | SettingsError]:
    """Return the settings of each account by its name, or why they cannot be used.

    Raises:
        SettingsError: The folder of accounts does not exist, or a name in it is not valid.
    """
    found: dict[str, Settings | SettingsError] = {}
    names_by_folder: dict[object, str] = {}
    for name in account_files():
        try:
            with working_in(account_environment(name)):
                settings = load_settings()
        except SettingsError as error:
            found[name] = error
            continue
        other = names_by_folder.setdefault(settings.data.resolve(), name)
        found[name] = settings
        if other != name:
            found[name] = SettingsError(
                f"GIVLAKE_DATA is {str(settings.data)!r}, which is the data folder of {other}: use"
                " another folder for each account."
            )
    return found
