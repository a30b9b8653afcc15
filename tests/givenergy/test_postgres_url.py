"""The address of PostgreSQL: what it shows, and which it refuses."""

import pytest

from givenergy.budget.postgres_url import PostgresUrl, without_password


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgres://me:s3cret@db:5433/north?sslmode=require", "postgresql://me@db:5433/north"),
        ("postgresql+psycopg2://me:p%40ss@[::1]:5432/north", "postgresql://me@[::1]:5432/north"),
        ("postgresql://me:s3#cr[et@one:1,two:2/db", "postgresql://me@one:1,two:2/db"),
        ("postgresql:///db?host=/tmp&password=s3cret", "postgresql:///db"),
        ("postgresql://me@db", "postgresql://me@db/"),
    ],
)
def test_it_is_shown_without_password_and_parameters(address, shown):
    assert str(PostgresUrl(address)) == shown


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:s3/cret@db/north",
        "postgresql://me:s3?cret@db/north",
        "postgresql://me:s3@cret@db/north",
        "postgresql://me@corp:s3cret@db/north",
        "postgresql://me:s3/c@ret@db/north",
        "postgresql://me:s3cret/north",
        "postgresql+psycopg://me:s3cret@db/north",
    ],
)
def test_one_whose_password_could_be_taken_for_a_host_is_refused(address):
    with pytest.raises(ValueError, match="characters of a password are written as %40") as e:
        PostgresUrl(address)
    assert "s3" not in str(e.value)
    assert "ret" not in str(e.value)


def test_no_piece_of_a_password_is_shown():
    said = 'could not translate host name "ss@db"; invalid port number "s3/c"; user "me"'
    assert without_password(said, "p@ss", "s3%2Fc") == (
        'could not translate host name "***@db"; invalid port number "***"; user "me"'
    )
    where = PostgresUrl("postgresql://me:p%40ss@db/north?password=other")
    assert where.hide_in('p@ss "ss" passes other') == '*** "***" passes ***'
