"""Account children: the accounts that an installer's account has access to.

Source: API document, section "Account", "Get Your Account Children Information".

Grain: account, with history. Names and addresses are null unless the owner has them kept: they are
left out before the answer is archived. It lists no devices, but whose devices to look for: so it is
asked for together with the lists of devices, before `account_devices`.

Requests: one for each page of the list; none where the account is of a type that has none below it.
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
from givenergy.endpoints import ACCOUNT_CHILDREN
from warehouse import ArchivedResponse

TABLE = Table(
    name="account_children",
    description="Accounts below the account of the token, one row for each and version.",
    schema=account_schema(),
    key=("account_id",),
    unversioned_columns=(),
)


class AccountChildren(RowByRow, DeviceList):
    """The dataset; see the module's docstring."""

    name = "account_children"
    version = 1
    endpoint = ACCOUNT_CHILDREN
    group = "accounts"
    row_type = Account
    output_tables = (TABLE,)
    kinds = ()
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Ask for the whole list."""
        yield Request()

    def devices(self, state: KnownState) -> Mapping[DeviceKind, Sequence[Device]]:
        """List nothing: accounts are no devices."""
        return {}

    def ids_of(self, element: Mapping[str, Any]) -> Collection[str]:
        """Name no device."""
        return ()

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Make the columns of one answer."""
        return account_columns(TABLE.schema, rows)


DATASET = AccountChildren()
