"""The services of compose.fleet.yaml as processes, over a real PostgreSQL: one run each."""

from datetime import date

import psycopg2
import pytest

from tests.support.fleet_services import fleet_services
from tests.support.owner import Owner

DAY = date(2025, 6, 1)


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.usefixtures("machine_clock")
def test_each_account_has_a_run_in_its_own_folder(simulate, tmp_path, database):
    owners = {}
    for number, name in enumerate(("north", "south"), 1):
        sim = simulate(inverters=number, commissioned=DAY, rate_limit=100_000, seed=number)
        folder = tmp_path / name
        folder.mkdir()
        settings = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_NAME": name}
        owners[name] = Owner(folder, settings, token=sim.token)
    with fleet_services(tmp_path / "services", owners, database) as services:
        runs = {name: services.page.launch("refresh", location=name) for name in owners}
        ended = {name: services.page.status_of(run) for name, run in runs.items()}
    assert ended == {"north": "SUCCESS", "south": "SUCCESS"}
    for number, name in enumerate(owners, 1):
        found = owners[name].sql("SELECT count(*) AS n FROM communication_devices")
        assert found == [{"n": number}]
    connection = psycopg2.connect(database)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM runs WHERE status = 'SUCCESS'")
        assert cursor.fetchone()[0] >= 2
        # Tokens and settings are in none of Dagster's tables.
        for owner in owners.values():
            token = owner.settings["GIVENERGY_API_TOKEN"]
            for table, column in (("runs", "run_body"), ("event_logs", "event")):
                cursor.execute(
                    f"SELECT count(*) FROM {table} WHERE {column} LIKE %s", (f"%{token}%",)
                )
                assert cursor.fetchone()[0] == 0
    connection.close()
