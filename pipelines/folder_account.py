"""The account whose history a data folder holds: one, as a token asks only for its own devices.

With two accounts in a folder, each token would be refused the other's devices, and their days would
count as forbidden.
"""

import hashlib
from pathlib import Path

from givenergy.account_identity import AccountIdentity, known_account_id
from pipelines.account_budget import budget_store
from pipelines.open_folder import ACCOUNT_KEY
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from warehouse.storage.state_file import Json, StateFile

# Hashes of accounts' ids by the key of their budget, so that `forget` finds them by that key. The
# key depends on the address of the API, the hash does not.
STATE = "account_identities"


def claim_folder(
    state: StateFile, folder: Path, account: AccountIdentity, settings: Settings
) -> None:
    """Note that a folder belongs to an account, unless it is another's.

    A token that may not read its account cannot be told apart and is accepted.

    Args:
        state: What the folder keeps.
        folder: The data folder.
        account: The account of the token.
        settings: Where the request budget is, and the address of the API.

    Raises:
        SettingsError: The folder holds the history of another account.
    """
    if not account.account_id:
        return
    own = _hash(account.account_id)
    noted = state.get(STATE)
    known = noted if isinstance(noted, dict) else _of_earlier_version(state, settings)
    if any(identity != own for identity in known.values()):
        raise SettingsError(
            f"The token belongs to another account than the data in {folder}: use a token of that"
            " account, or another folder for this one, such as that of an account with a name"
            " (accounts/NAME.env and --account NAME)."
        )
    if known.get(account.budget_key) != own:
        state.set(STATE, {**known, account.budget_key: own})


def owner_of(state: StateFile) -> str | None:
    """Return a hash of the id of the folder's account; None if it is not noted."""
    noted = state.get(STATE)
    return next(map(str, noted.values()), None) if isinstance(noted, dict) else None


def _of_earlier_version(state: StateFile, settings: Settings) -> dict[str, Json]:
    """Return the account that used a folder before folders noted theirs; empty if unknown."""
    key = state.get(ACCOUNT_KEY)
    found = known_account_id(budget_store(settings), settings.url, str(key))
    return {str(key): _hash(found)} if found else {}


def _hash(account_id: str) -> str:
    return hashlib.sha256(account_id.encode()).hexdigest()[:32]
