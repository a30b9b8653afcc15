"""Account children: the accounts that an installer's account has access to.

Source: API document, section "Account", "Get Your Account Children Information".

Grain: account, with history. Names and addresses are redacted before archiving and therefore null,
unless the owner keeps them. The dataset lists no devices, but the accounts whose devices
`account_devices` requests, so it is requested together with the device lists.

Requests: one per page of the list; none if the type of the account has no child accounts.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from assets.accounts import Account, account_columns, account_schema
from assets.framework import (
    Device,
    DeviceKind,
    DeviceList,
    KnownState,
    Request,
    RowByRow,
    Rows,
    Table,
)
from givenergy.endpoints.account_endpoints import ACCOUNT_CHILDREN
from warehouse.archive import ArchivedResponse

TABLE = Table(
    name="account_children",
    description="Accounts below the account of the token, one row per item and version.",
    schema=account_schema(),
    key=("account_id",),
    unversioned_columns=(),
)


class AccountChildren(RowByRow, DeviceList):
    """The dataset; see the module's docstring."""

    name = "account_children"
    version = 2
    endpoint = ACCOUNT_CHILDREN
    group = "accounts"
    row_type = Account
    output_tables = (TABLE,)
    kinds = ()
    optional = True
    lists_other_accounts = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request the whole list."""
        yield Request()

    def devices(self, state: KnownState) -> Mapping[DeviceKind, Sequence[Device]]:
        """List nothing: accounts are no devices."""
        return {}

    def ids_of(self, element: Mapping[str, Any]) -> Collection[str]:
        """Return no device."""
        return ()

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        return account_columns(TABLE.schema, rows)


DATASET = AccountChildren()
