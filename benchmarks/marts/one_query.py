"""The seconds of a query in this process, which imports nothing but DuckDB; `times` starts it.

Its arguments are a database, the query and the number of rounds. It prints a JSON array.
"""

import json
import sys
import time

import duckdb


def measured(database: str, sql: str, rounds: int) -> list[dict[str, float]]:
    """Return the seconds of CPU and on the clock of each round; the first opens the database."""
    found = []
    connection: duckdb.DuckDBPyConnection | None = None
    for _ in range(rounds):
        cpu, wall = time.process_time(), time.perf_counter()
        if connection is None:
            connection = duckdb.connect(database, read_only=True)
            connection.execute("SET threads = 2; SET TimeZone = 'UTC'")
            connection.execute("SET parquet_metadata_cache = true")
        connection.sql(sql).to_arrow_table()
        found.append({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall})
    return found


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
