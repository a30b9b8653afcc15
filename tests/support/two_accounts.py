"""Two accounts with names, of one simulator: their files and commands."""

from pathlib import Path

from simulator import Simulator, TokenGrant
from tests.support.owner import CommandResult, Owner

NORTH, SOUTH = "north", "south"
TOKENS = (TokenGrant(f"{NORTH}-token", account=1), TokenGrant(f"{SOUTH}-token", account=2))


class TwoAccounts(Owner):
    """An operator with the accounts `north` and `south` in `accounts/`; no setting besides."""

    def __init__(self, folder: Path, simulator: Simulator, **settings: str) -> None:
        super().__init__(folder, {}, token=None)
        self.settings = {"GIVLAKE_RETRY_S": "0"}
        self.accounts = folder / "accounts"
        self.accounts.mkdir()
        common = {
            "GIVENERGY_API_URL": simulator.base_url,
            "GIVLAKE_DATASETS": "inverter_data_points",
            **settings,
        }
        for grant in TOKENS:
            name = grant.token.removesuffix("-token")
            lines = {"GIVENERGY_API_TOKEN": grant.token, **common}.items()
            file = self.accounts / f"{name}.env"
            file.write_text("".join(f"{variable}={value}\n" for variable, value in lines))
            file.chmod(0o600)

    def of(self, name: str, *arguments: object) -> CommandResult:
        """Run a command of an account."""
        return self.givlake("--account", name, *arguments)
