"""Whether a store creates an object only if there is none, when it is asked to.

Commits depend on it: of two publishers that write the same number, one must be told. AWS, Google
and Azure do; servers that speak S3 may take no notice of the condition, and would lose commits.
"""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pyarrow as pa

from warehouse.errors import TargetError
from warehouse.publish.delta_target import DeltaTarget

_PUBLISHERS = 4
_ROUNDS = 5


def refuse_unsafe_store(target: DeltaTarget) -> None:
    """Commit several times at once to a table of its own, and count the commits.

    A store that keeps the condition is never refused; another one would have to order all these
    writes by chance to pass.

    Args:
        target: Where; the table is removed again.

    Raises:
        TargetError: A commit is lost.
    """
    from deltalake import CommitProperties, DeltaTable

    name = f"_givlake_check_{uuid.uuid4().hex[:8]}"
    schema = pa.schema([pa.field("nothing", pa.string())])
    DeltaTable.create(target.table_url(name), schema, storage_options=target.options)
    meeting = Barrier(_PUBLISHERS)

    def commit(_: int) -> None:
        table = DeltaTable(target.table_url(name), storage_options=target.options)
        meeting.wait()
        table.create_write_transaction(
            [],
            mode="append",
            schema=table.schema(),
            partition_by=[],
            commit_properties=CommitProperties(max_commit_retries=10 * _PUBLISHERS),
        )

    try:
        for number in range(1, _ROUNDS + 1):
            with ThreadPoolExecutor(_PUBLISHERS) as pool:
                list(pool.map(commit, range(_PUBLISHERS)))
            table = DeltaTable(target.table_url(name), storage_options=target.options)
            if table.version() < number * _PUBLISHERS:
                raise TargetError(
                    f"the store of {target.url} does not create objects conditionally (the header"
                    " If-None-Match of a PUT), so publications could be lost: use a store that"
                    " does, or a newer version of it"
                )
    finally:
        files = target.files(name)
        for version in range(_ROUNDS * _PUBLISHERS + 1):
            with suppress(FileNotFoundError):
                files.delete_file(f"_delta_log/{version:020d}.json")
