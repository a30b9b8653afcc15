"""The account whose history a data folder holds: one, as a token asks only for its own devices.

With two accounts in a folder, each token would be refused the other's devices, and their days would
count as forbidden.
"""

import hashlib
from pathlib import Path

from givenergy.account_identity import AccountIdentity
from pipelines.settings_file import SettingsError
from warehouse.storage.state_file import StateFile

# Hashes of accounts' ids by the key of their budget, so that `forget` finds them by that key. The
# key depends on the address of the API, the hash does not.
_STATE = "account_identities"


def claim_folder(state: StateFile, folder: Path, account: AccountIdentity) -> None:
    """Note that a folder belongs to an account, unless it is another's.

    A token that may not read its account cannot be told apart and is accepted.

    Raises:
        SettingsError: The folder holds the history of another account.
    """
    if not account.account_id:
        return
    own = hashlib.sha256(account.account_id.encode()).hexdigest()[:32]
    known = state.get(_STATE)
    if not isinstance(known, dict):
        known = {}
    if any(identity != own for identity in known.values()):
        raise SettingsError(
            f"The token belongs to another account than the data in {folder}: use a token of that"
            " account, or another folder for this one, such as that of an account with a name"
            " (accounts/NAME.env and --account NAME)."
        )
    if known.get(account.budget_key) != own:
        state.set(_STATE, {**known, account.budget_key: own})
