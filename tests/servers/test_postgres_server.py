"""The PostgreSQL of the tests."""

import psycopg2

from tests.support.postgres_server import PostgresServer


def test_keeps_what_was_committed_when_it_is_killed(postgres: PostgresServer) -> None:
    address = postgres.create_database("killed")
    connection = psycopg2.connect(address)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (value int)")
        cursor.execute("INSERT INTO kept VALUES (7)")
    postgres.kill()
    postgres.start()
    connection = psycopg2.connect(address)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT value FROM kept")
        assert cursor.fetchall() == [(7,)]
    connection.close()
