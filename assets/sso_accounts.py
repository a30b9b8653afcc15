"""SSO accounts: all accounts of the person's single sign-on, if the owner asks for them.

Source: version 1.35 of the API.

Grain: account, with history. Names and addresses are redacted as in `accounts`. Which accounts a
person has is about the person as well, so nothing is requested unless the owner names the dataset.

Requests: one per week.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from assets.accounts import Account, account_columns, account_schema
from assets.framework import (
    Cadence,
    KnownState,
    Request,
    RowByRow,
    Rows,
    SnapshotDataset,
    Table,
)
from givenergy.endpoints.account_endpoints import SSO_ACCOUNTS
from warehouse.archive import ArchivedResponse

TABLE = Table(
    name="sso_accounts",
    description="Accounts of the person's single sign-on, one row per account and version.",
    schema=account_schema(),
    key=("account_id",),
    unversioned_columns=(),
)


class SsoAccounts(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "sso_accounts"
    version = 1
    endpoint = SSO_ACCOUNTS
    group = "accounts"
    row_type = Account
    output_tables = (TABLE,)
    cadence = Cadence.WEEKLY
    optional = True
    on_request = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request the accounts."""
        yield Request()

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        return account_columns(TABLE.schema, rows)


DATASET = SsoAccounts()
