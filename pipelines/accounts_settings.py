"""The settings of all accounts of the machine, each as if it were the only one."""

from pipelines.child_environment import working_in
from pipelines.named_accounts import account_environments
from pipelines.settings import Settings, load_settings
from pipelines.settings_file import SettingsError


def accounts_settings() -> dict[str, Settings | SettingsError]:
    """Return the settings of each account by its name, or why they cannot be used.

    A file whose name no account can have is among them.

    Raises:
        SettingsError: The folder of accounts does not exist.
    """
    found: dict[str, Settings | SettingsError] = {}
    for name, environment in account_environments().items():
        try:
            if isinstance(environment, SettingsError):
                raise environment
            with working_in(environment):
                found[name] = load_settings()
        except SettingsError as error:
            found[name] = error
    return found
