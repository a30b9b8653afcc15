"""Accounts: the account that the token belongs to.

Source: API document, section "Account", "Get Your Account Information".

Grain: account, with history. Names and addresses are redacted before archiving and therefore null,
unless the owner keeps them. Child accounts are in `account_children`.

Requests: one per week.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from assets.framework import (
    Cadence,
    Int64,
    KnownState,
    Request,
    ResponseShape,
    RowByRow,
    Rows,
    SnapshotDataset,
    Table,
    TableSchema,
    Wire,
    extra_column,
    extra_fields,
    history_columns,
    integer,
    leaf_columns,
    name_of_code,
    table_schema,
    text,
)
from givenergy.endpoints.account_endpoints import ACCOUNT
from warehouse.archive import ArchivedResponse


class Account(Wire):
    """An account as each list of them has it."""

    id: Int64 | None = None
    name: str | None = None
    first_name: str | None = None
    surname: str | None = None
    role: str | None = None
    email: str | None = None
    address: str | None = None
    postcode: str | None = None
    country: str | None = None
    telephone_number: str | None = None
    company: str | None = None
    timezone: str | None = None
    standard_timezone: str | None = None


def account_schema() -> TableSchema:
    """Describe a table of accounts."""
    personal = "Null unless the owner keeps it."
    return table_schema(
        {
            "account_id": integer("Account", "Number of the account.", "id", nullable=False),
            "role": text("Role", "Role as sent.", "role", codes="account_role"),
            "role_name": name_of_code("Role"),
            "country": text("Country", "Country of the account.", "country"),
            "timezone": text("Offset", "Time zone as an offset from GMT.", "timezone"),
            "standard_timezone": text(
                "Time zone", "IANA name of the time zone.", "standard_timezone"
            ),
            "name": text("Name", f"Name to log in with. {personal}", "name"),
            "first_name": text("First name", personal, "first_name"),
            "surname": text("Surname", personal, "surname"),
            "email": text("E-mail", personal, "email"),
            "address": text("Address", personal, "address"),
            "postcode": text("Postcode", personal, "postcode"),
            "telephone_number": text("Telephone", personal, "telephone_number"),
            "company": text(
                "Company",
                f"Company of the account. {personal} Versions of the API before 1.35 lack it.",
                "company",
            ),
            **extra_fields(),
            **history_columns(),
        }
    )


def account_columns(schema: TableSchema, rows: Rows[Any]) -> Mapping[str, pa.Array]:
    """Return the columns of a table of accounts."""
    return {**leaf_columns(schema, rows.values), "extra_fields": extra_column(rows)}


TABLE = Table(
    name="accounts",
    description="The account of the token, one row for each version.",
    schema=account_schema(),
    key=("account_id",),
    unversioned_columns=(),
)


class Accounts(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "accounts"
    version = 2
    endpoint = ACCOUNT
    group = "accounts"
    row_type = Account
    shape = ResponseShape.SINGLE
    output_tables = (TABLE,)
    cadence = Cadence.WEEKLY

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request the account of the token."""
        yield Request()

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        return account_columns(TABLE.schema, rows)


DATASET = Accounts()
