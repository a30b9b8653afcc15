"""Publishing to a real S3 server: other engines read it, kills and races lose nothing."""

import json
import shutil
import signal
import uuid
from datetime import date

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from pyarrow import BufferReader

from simulator import Simulator, SimulatorConfig
from tests.support import clock
from tests.support.object_store import (
    ACCESS_KEY,
    BUCKET,
    SECRET_KEY,
    StoreProxy,
    credentials_of,
    objects_of,
    plain_files,
)
from tests.support.owner import Owner, finished
from tests.support.published import published_rows
from tests.support.server_packages import required
from warehouse.publish.delta_target import DeltaTarget

# The first test starts the server.
pytestmark = [pytest.mark.slow, pytest.mark.processes]

RANGE = ("--start", "2025-05-31", "--end", "2025-06-01")
# A table with months, one without, and a mart.
TABLES = ("inverter_data_points", "inverters", "daily_energy")
ONLY = [word for name in TABLES for word in ("--table", name)]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Keep folders of two accounts with two days, and what a third day adds to the first."""
    made = {}
    for number, name in enumerate(("north", "south")):
        config = SimulatorConfig(
            inverters=2, commissioned=date(2025, 5, 1), empty_day_rate=0.0, rows_per_day=60,
            seed=number + 1,
        )  # fmt: skip
        with Simulator(config) as sim:
            folder = tmp_path_factory.mktemp(name)
            owner = Owner(folder, {"GIVENERGY_API_URL": sim.base_url}, token=sim.token)
            assert owner.givlake("backfill", *RANGE).status == 0
            shutil.copytree(owner.data, folder / "kept")
            day = ("--start", "2025-06-02", "--end", "2025-06-02")
            assert owner.givlake("backfill", *day).status == 0
            shutil.copytree(owner.data, folder / "later")
            made[name] = owner, sim.serials
    return made


@pytest.fixture
def url():
    return f"s3://{BUCKET}/{uuid.uuid4().hex}"


@pytest.fixture
def proxy(object_store):
    """Commands that use it are processes of their own: deltalake lets no other thread run."""
    proxy = StoreProxy(object_store.endpoint)
    yield proxy
    proxy.stop()


def opened(kept, name, credentials, state="kept"):
    """Return an owner of an account with its folder as it was kept."""
    owner, _ = kept[name]
    shutil.rmtree(owner.data, ignore_errors=True)
    shutil.copytree(owner.folder / state, owner.data)
    return Owner(owner.folder, {**owner.settings, **credentials}, token=None)


def later(owner):
    """Give the owner the folder with the third day, and its state of now."""
    state = owner.state()
    shutil.rmtree(owner.data)
    shutil.copytree(owner.folder / "later", owner.data)
    owner.set_state(**{"published_to": state["published_to"]})


def counts(owner):
    """Return the number of rows of the tables in the folder."""
    return {name: owner.sql(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in TABLES}


def published_counts(url, store):
    """Return the number of rows of each published table, and read all of it."""
    options = DeltaTarget(url, store.credentials).options
    found = {}
    for name in TABLES:
        if DeltaTable.is_deltatable(f"{url}/{name}", options):
            found[name] = len(published_rows(f"{url}/{name}", options=options))
    return found


def naming(url, store, word):
    """Return the objects that name something, reading Parquet files too."""
    found = []
    for name, content in objects_of(url, DeltaTarget(url, store.credentials).options).items():
        text = content
        if name.endswith(".parquet"):
            # Its bytes can have a text by accident, in cut statistics of the file.
            text = repr(pq.ParquetFile(BufferReader(content)).read().to_pydict()).encode()
        if word.encode() in text or word in name:
            found.append(name)
    return found


def clickhouse(query, url, store, name):
    """Ask ClickHouse about a published table."""
    chdb = required("chdb")
    path = url.replace("s3://", f"{store.endpoint}/")
    table = f"deltaLake('{path}/{name}/', '{ACCESS_KEY}', '{SECRET_KEY}')"
    result = chdb.query(query.format(table), "JSONCompact")
    return json.loads(result.bytes())["data"]


def test_other_engines_read_what_the_folder_has(kept, object_store, url):
    owner = opened(kept, "north", object_store.credentials)
    done = owner.givlake("publish", url, *ONLY)
    assert done.status == 0, done.err
    figures = "count(*), sum(grid_power_w), epoch_us(min(time)), epoch_us(max(time))"
    lake = [*owner.sql(f"SELECT {figures} FROM inverter_data_points")[0].values()]
    options = DeltaTarget(url, object_store.credentials).options
    place = f"{url}/inverter_data_points"
    (arrow,) = [[*row.values()] for row in published_rows(place, figures, options)]
    assert arrow == pytest.approx(lake)
    pl = required("polars")
    plain = {name: value for name, value in options.items() if name.startswith("AWS_")}
    frame = pl.read_delta(place, storage_options=plain)
    times = frame["time"].dt.epoch("us")
    polars = [frame.height, frame["grid_power_w"].sum(), times.min(), times.max()]
    assert polars == pytest.approx(lake)
    with clock.at(None):
        (found,) = clickhouse(
            "SELECT count(), sum(grid_power_w), toUnixTimestamp64Micro(min(time)),"
            " toUnixTimestamp64Micro(max(time)) FROM {}",
            url, object_store, "inverter_data_points",
        )  # fmt: skip
        assert [int(found[0]), found[1], *map(int, found[2:])] == pytest.approx(lake)
        wanted = owner.sql(
            "SELECT inverter_serial, sum(solar_kwh) AS s FROM daily_energy GROUP BY 1"
        )
        found = clickhouse(
            "SELECT inverter_serial, sum(solar_kwh) FROM {} GROUP BY 1 ORDER BY 1",
            url, object_store, "daily_energy",
        )  # fmt: skip
    assert dict(found) == pytest.approx({row["inverter_serial"]: row["s"] for row in wanted})


def test_nothing_new_makes_no_put(kept, object_store, proxy, url):
    owner = opened(kept, "north", credentials_of(proxy.endpoint))
    owner.process("publish", url, *ONLY)
    proxy.requests.clear()
    done = owner.process("publish", url, *ONLY)
    assert done.out == f"{url} has everything already.\n"
    assert {method for method, _ in proxy.requests} <= {"GET", "HEAD"}
    assert len(proxy.requests) <= 6 * len(TABLES)


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_a_kill_at_each_commit_leaves_whole_tables(kept, object_store, proxy, url, is_after):
    """Right before, and right after, the object exists that makes a table's rows visible."""
    owner = opened(kept, "north", credentials_of(proxy.endpoint))
    assert owner.process("publish", url, *ONLY).status == 0
    before = counts(owner)
    later(owner)
    after = counts(owner)
    for _ in range(len(TABLES) + 2):
        process = owner.start("publish", url, *ONLY)

        def kill(method, path, *_, process=process):
            if method == "PUT" and "/_delta_log/0" in path:
                process.send_signal(signal.SIGKILL)
                process.wait()

        proxy.before, proxy.after = (lambda *_: None), (lambda *_: None)
        setattr(proxy, "after" if is_after else "before", kill)
        done = finished(process)
        for name, rows in published_counts(url, object_store).items():
            assert rows in (before[name], after[name])
        if done.status == 0:
            break
        if not is_after:
            # It would be killed at the same commit again.
            proxy.before = lambda *_: None
            assert owner.process("publish", url, "--table", TABLES[0]).status == 0
    proxy.before, proxy.after = (lambda *_: None), (lambda *_: None)
    assert owner.process("publish", url, *ONLY).status == 0
    assert published_counts(url, object_store) == after


def test_two_accounts_publish_into_the_same_new_tables_at_once(kept, object_store, url):
    owners = [opened(kept, name, object_store.credentials) for name in ("north", "south")]
    processes = [owner.start("publish", url, *ONLY) for owner in owners]
    results = [finished(process) for process in processes]
    assert [done.status for done in results] == [0, 0], [done.err for done in results]
    wanted = {name: sum(counts(owner)[name] for owner in owners) for name in TABLES}
    assert published_counts(url, object_store) == wanted


def test_a_lost_network_is_one_sentence_and_the_next_run_goes_on(kept, object_store, proxy, url):
    owner = opened(kept, "north", credentials_of(proxy.endpoint))
    puts = 0

    def lose(method, path, _):
        nonlocal puts
        puts += method == "PUT" and "_givlake_check" not in path
        return 403 if puts > 2 else None

    proxy.before = lose
    done = owner.process("publish", url, *ONLY)
    assert done.status == 1
    # A slow machine shows progress before it.
    *progress, sentence = done.err.splitlines()
    assert sentence.startswith("givlake: ")
    assert all(line.endswith(" files") for line in progress)
    proxy.before = lambda *_: None
    assert owner.process("publish", url, *ONLY).status == 0
    assert published_counts(url, object_store) == counts(owner)


@pytest.mark.parametrize(
    ("changes", "bucket", "reason"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "not-the-secret"}, BUCKET, "refuses the credentials"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, BUCKET, "refuses the credentials"),
        ({}, "nobucket", "there is no such bucket"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, BUCKET, "cannot be reached"),
    ],
)
def test_what_is_wrong_with_the_store_is_one_sentence(kept, object_store, changes, bucket, reason):
    owner = opened(kept, "north", {**object_store.credentials, **changes})
    done = owner.givlake("publish", f"s3://{bucket}/x", *ONLY)
    assert done.status == 1
    assert reason in done.err
    assert done.err.count("\n") == 1
    assert SECRET_KEY not in done.err
    assert "not-the-secret" not in done.err


def test_a_store_that_overwrites_log_files_is_refused(kept, object_store, proxy, url):
    """Like a server that takes no notice of If-None-Match."""
    files = plain_files(object_store.port)

    def overwrite(method, path, headers):
        if method != "PUT" or not any(name.lower() == "if-none-match" for name in headers):
            return None
        with files.open_output_stream(path.lstrip("/").partition("?")[0]) as stream:
            stream.write(proxy.body)
        return 200

    proxy.before = overwrite
    owner = opened(kept, "north", credentials_of(proxy.endpoint))
    done = owner.process("publish", url, *ONLY)
    assert done.status == 1
    assert "does not create objects conditionally" in done.err
    assert objects_of(url, DeltaTarget(url, object_store.credentials).options) == {}


def test_a_forgotten_device_is_in_no_object(kept, object_store, url):
    owner = opened(kept, "north", object_store.credentials)
    _, serials = kept["north"]
    assert owner.givlake("publish", url).status == 0
    later(owner)
    assert owner.givlake("publish", url).status == 0
    assert len(naming(url, object_store, serials[0])) > 5
    done = owner.givlake("forget", "--device", serials[0], "--yes")
    assert done.status == 0, done.err
    assert naming(url, object_store, serials[0]) == []
    assert published_counts(url, object_store) == counts(owner)


def test_credentials_can_be_in_the_settings_file(kept, object_store, url):
    owner = opened(kept, "north", {})
    file = owner.folder / "store.env"
    values = {**object_store.credentials, "GIVLAKE_PUBLISH_TO": url}
    file.write_text("\n".join(f"{name}={value}" for name, value in values.items()))
    settings = {**owner.settings, "GIVLAKE_ENV_FILE": str(file)}
    done = Owner(owner.folder, settings, token=None).givlake("publish", *ONLY)
    assert done.status == 0, done.err
    assert published_counts(url, object_store) == counts(owner)
