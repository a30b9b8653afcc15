"""Secrets and personal data are nowhere after a run with everything that fails at debug level."""

import json
import stat
import subprocess
import threading
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from simulator import Simulator, SimulatorConfig, TokenGrant
from tests.support.file_content import contents
from tests.support.http_listener import listening
from tests.support.owner import Owner, finished

pytestmark = [pytest.mark.processes, pytest.mark.slow]

TOKEN = "sesame-fedcba9876543210-sesame"
LOCAL_KEY = "0penthekettle-local"
ALERT_SECRET = "alert-inbox-password"
PERSONAL = {
    "name": "wilhelmina.owner",
    "first_name": "Wilhelmina",
    "surname": "Quackenbush",
    "email": "wilhelmina@quackenbush.example",
    "address": "17 Sesame Terrace",
    "postcode": "QX9 8ZZ",
    "telephone_number": "01632 960983",
    "company": "Quackenbush & Daughters Ltd",
}
SITE = {"name": "Quackenbush Towers", "latitude": 51.4779123, "longitude": -0.0014567}
ALIASES = ("Wilhelmina's charger", "Wilhelmina's kettle")
TAG = "04E1D2C3B4A596"


def processes() -> str:
    """All command lines of this machine, as any user may read them."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


def watch(process: "subprocess.Popen[bytes]", seen: list[str]) -> None:
    """Look at the process list until a process ends."""
    while process.poll() is None:
        seen.append(processes())
        time.sleep(0.2)


def plant(sim: Simulator) -> None:
    """Put values that can be told from all others where people and secrets are, and faults."""
    account = str(sim.account["id"])
    profile = {**sim.account, **PERSONAL}
    sim.override(r"/v1/account$", json.dumps({"data": profile}).encode())
    (site,) = sim.truth_of("site", account)
    sim.set_listing("site", account, [{**site, **SITE, "account": PERSONAL["name"]}])
    (charger,) = sim.truth_of("ev-charger", account)
    sim.set_listing("ev-charger", account, [{**charger, "alias": ALIASES[0]}])
    (device,) = sim.truth_of("smart-device", account)
    other = {**device["other_data"], "local_key": LOCAL_KEY}
    changed = {**device, "alias": ALIASES[1], "other_data": other}
    sim.set_listing("smart-device", account, [changed])
    sessions = sim.truth_of("charging-sessions", sim.charger_uuids[0])
    sim.set_listing(
        "charging-sessions", sim.charger_uuids[0], [{**row, "started_by": TAG} for row in sessions]
    )
    # The API repeats what it was sent and whom it was sent by, in every kind of failure.
    echo = json.dumps({"message": f"Bearer {TOKEN} failed", "local_key": LOCAL_KEY}).encode()
    sim.override("/data-points/", echo, status=500)
    sim.override("/events", b"<html>" + echo)
    sim.override("/system-data/latest", echo, status=403)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A backfill of everything that fails, at debug level, and what the process list showed."""
    start = date.today() - timedelta(days=2)
    config = SimulatorConfig(
        inverters=1,
        ev_chargers=1,
        smart_devices=1,
        seed=7,
        rate_limit=100_000,
        rows_per_day=20,
        ev_points_every_s=3600,
        smart_points_every_s=43_200,
        commissioned=start,
        tokens=(TokenGrant(TOKEN),),
    )
    with Simulator(config) as sim, listening() as listener:
        plant(sim)
        owner = Owner(
            tmp_path_factory.mktemp("owner"),
            {
                "GIVENERGY_API_URL": sim.base_url,
                "GIVLAKE_DATASETS": "",
                "GIVLAKE_LOG_LEVEL": "DEBUG",
                "GIVLAKE_ALERT_URLS": f"{listener.url(ALERT_SECRET)}, bogus://{ALERT_SECRET}",
            },
            token=TOKEN,
        )
        process = owner.start("backfill")
        seen: list[str] = []
        watching = threading.Thread(target=watch, args=(process, seen))
        watching.start()
        said = [finished(process)]
        watching.join()
        listed = "\n".join(seen)
        said += [owner.givlake(*command) for command in (("status",), ("doctor",), ("alert",))]
        said.append(owner.givlake("query", "FROM requests"))
        said.append(owner.givlake("query", "FROM quarantine"))
        yield owner, listener, listed, said


@pytest.fixture(scope="module")
def in_dagster(run):
    """What Dagster knows: configurations and tags of the runs, and the sensors."""
    owner, *_ = run
    with owner.dagster() as (definitions, instance):
        runs = instance.get_runs()
        known = [json.dumps([each.run_config, dict(each.tags)]) for each in runs]
        return [*known, repr(definitions.sensors)]


def test_the_run_failed_and_reported_it(run):
    _, listener, listed, said = run
    assert said[0].status == 1
    assert "DEBUG" in said[0].err
    assert listener.paths == [f"/{ALERT_SECRET}"]
    assert "givlake" in listed
    assert "backfill" in listed


@pytest.mark.parametrize(
    "secret",
    [
        TOKEN,
        LOCAL_KEY,
        ALERT_SECRET,
        TAG,
        *ALIASES,
        *(value for name, value in PERSONAL.items()),
        *map(str, SITE.values()),
    ],
)
def test_no_file_output_process_list_or_run_holds_it(run, in_dagster, secret):
    owner, listener, listed, said = run
    # The pseudonym key is random bytes; a Parquet file is read unpacked as well.
    held = [name for name, content in files(owner).items() if secret.encode() in content]
    assert held == []
    assert all(secret not in done.output for done in said)
    assert secret not in listed
    assert all(secret not in text for text in listener.texts + listener.titles)
    assert len(in_dagster) > 1
    assert all(secret not in text for text in in_dagster)


_FILES: dict[Path, dict[str, bytes]] = {}


def files(owner: Owner) -> dict[str, bytes]:
    """Every file of the data folder by name, read once."""
    if owner.data not in _FILES:
        found = [file for file in owner.folder.rglob("*") if file.is_file()]
        _FILES[owner.data] = {str(file.relative_to(owner.folder)): contents(file) for file in found}
    return _FILES[owner.data]


def test_that_would_have_been_found(run):
    """What may be kept is found in the same way: the search itself works."""
    owner, *_ = run
    held = files(owner)
    assert any(b"71adf805" in content or b"uuid" in content for content in held.values())
    archived = [content for name, content in held.items() if "archive/" in name]
    assert any(b'"redacted"' in content for content in archived)
    assert any(b'"pseudonym"' in content for content in archived)
    assert any(name.endswith(".db") for name in held)


def test_files_and_folders_are_their_owners_alone(run):
    owner, *_ = run
    assert stat.S_IMODE(owner.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((owner.data / "dagster").stat().st_mode) == 0o700
    for name in ("state/pseudonym.key", "state/budget.sqlite", "state/alerts.lock"):
        assert stat.S_IMODE((owner.data / name).stat().st_mode) == 0o600, name
