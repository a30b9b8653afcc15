"""Fixtures of tests with real servers: skipped where there is none, an error in CI."""

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.object_store import ObjectStore
from tests.support.postgres_server import PostgresServer
from tests.support.server_packages import skip_or_fail


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("servers")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for all tests of a worker.

    Its user cannot pass through pytest's folders: each pytest of this machine closes them anew.
    """
    with tempfile.TemporaryDirectory(prefix="givlake-postgres-") as folder:
        try:
            server = PostgresServer(Path(folder))
        except FileNotFoundError as error:
            skip_or_fail(str(error))
        yield server
        server.stop()


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An S3 server for all tests of a worker."""
    try:
        store = ObjectStore(tmp_path_factory.mktemp("objects"))
    except FileNotFoundError as error:
        skip_or_fail(str(error))
    yield store
    store.stop()


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    """The address of a new, empty database."""
    return postgres.create_database(f"test_{uuid.uuid4().hex}")
