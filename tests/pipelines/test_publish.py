"""`givlake publish`: what it prints, its exit status, and `forget` in what was published."""

import json
import shutil
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from assets.catalogue_views import derived_views_with_reads
from pipelines.publishable import publishable
from pipelines.run_locks import is_alive
from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner
from tests.support.published import objects, published_rows
from tests.support.timeouts import TIMEOUT_S
from warehouse.lake import Lake
from warehouse.publish.delta_target import DeltaTarget
from warehouse.publish.publication import LOCK, PublicationOptions, publish_folder
from warehouse.standard_views import SYSTEM_VIEWS
from warehouse.storage.file_locks import FileLock
from warehouse.tables.build import drop

# Each publication computes all marts.
pytestmark = pytest.mark.slow

RANGE = ("--start", "2025-06-01", "--end", "2025-06-02")
DATASETS = "inverter_data_points,energy_flows,inverter_presets,sites"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Keep an owner's folder with two days of two inverters."""
    config = SimulatorConfig(
        inverters=2, commissioned=date(2025, 5, 1), empty_day_rate=0.0, rows_per_day=60
    )
    with Simulator(config) as sim:
        settings = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": DATASETS}
        owner = Owner(tmp_path_factory.mktemp("publisher"), settings, token=sim.token)
        assert owner.givlake("backfill", *RANGE).status == 0
        shutil.copytree(owner.data, owner.folder / "kept")
        yield owner, sim.serials


@pytest.fixture
def owner(kept, tmp_path):
    """Give the owner, with the folder as it was kept."""
    owner, _ = kept
    shutil.rmtree(owner.data)
    shutil.copytree(owner.folder / "kept", owner.data)
    return owner


@pytest.fixture
def target(tmp_path):
    return tmp_path / "published"


def naming(folder, name):
    """Return the objects that name something, reading Parquet files too."""
    found = []
    for path in objects(folder):
        text = path.read_bytes()
        if path.suffix == ".parquet":
            # Its bytes can have a text by accident, in cut statistics of the file.
            text = repr(pq.ParquetFile(path).read().to_pydict()).encode()
        if name.encode() in text or name in str(path.relative_to(folder)):
            found.append(path)
    return found


def test_every_table_and_mart_has_the_rows_of_the_folder(owner, target):
    done = owner.givlake("publish", target)
    assert done.status == 0, done.err
    names = {path.name for path in target.iterdir()}
    assert {"inverter_data_points", "energy_flows", "inverters", "inverters_now"} < names
    assert {"daily_energy", "site_half_hourly", "codes", "data_dictionary"} < names
    for name in names - {"codes", "data_dictionary"}:
        (wanted,) = owner.sql(f'SELECT count(*) AS n FROM "{name}"')
        assert len(published_rows(target / name)) == wanted["n"], name
    assert {row["account"] for row in published_rows(target / "daily_energy")} == {
        owner.state()["account_key"]
    }
    assert len(names) < len(publishable("GBP").names)  # tables without rows are not made


def test_values_are_equal(owner, target):
    owner.givlake("publish", target)
    mine = published_rows(target / "daily_energy", "* EXCLUDE (account)")
    assert mine == owner.sql("SELECT * FROM daily_energy ORDER BY ALL")
    texts = "start_local::TIMESTAMP AS start_local"
    points = published_rows(
        target / "site_half_hourly", f"* EXCLUDE (account, month) REPLACE ({texts})"
    )
    assert points == owner.sql("SELECT * FROM site_half_hourly ORDER BY ALL")


def test_descriptions_and_codes_are_published(owner, target):
    owner.givlake("publish", target)
    rows = published_rows(target / "data_dictionary", "name, kind, column_name, sql")
    macros = [row for row in rows if row["kind"] == "macro" and row["column_name"] is None]
    assert macros
    assert all(row["sql"] for row in macros)
    assert "account" not in published_rows(target / "codes")[0]
    table = DeltaTable(target / "daily_energy")
    assert all(field.metadata.get("comment") for field in table.schema().fields)
    assert table.metadata().description


def test_marts_depend_on_those_records_only_that_they_read():
    records = {view.spec.name: set(view.records) for view in publishable("GBP").views}
    assert records["device_zones"] == {"expected_days."}
    assert records["site_members"] >= {"owner/device_roles_set."}
    assert "owner/tariffs." not in records["daily_energy"]
    assert records["inverter_days"] == {
        "expected_days.",
        "index/coverage/",
        "index/evidence/",
        "index/watermarks/",
    }
    reads = {view.spec.name: view.reads for view in derived_views_with_reads()}
    direct = {name for name, read in reads.items() if set(read) & set(SYSTEM_VIEWS)}
    assert all(records[name] for name in direct & records.keys())


def test_the_dictionary_is_the_same_in_every_currency():
    digests = {part.digest for code in ("GBP", "EUR") for _, part in publishable(code).fixed}
    assert len(digests) == len(publishable("GBP").fixed)


def test_nothing_new_is_said_and_changes_nothing(owner, target):
    owner.givlake("publish", target)
    before = objects(target)
    done = owner.givlake("publish", target)
    assert (done.status, done.out) == (0, f"{target} has everything already.\n")
    assert objects(target) == before


def test_rows_of_a_mart_that_were_deleted_there_are_written_again(owner, target):
    only = ("--table", "daily_energy")
    owner.givlake("publish", target, *only)
    rows = published_rows(target / "daily_energy")
    DeltaTable(target / "daily_energy").delete("local_date < '2025-06-02'")
    assert len(published_rows(target / "daily_energy")) < len(rows)
    assert owner.givlake("publish", target, *only).status == 0
    assert published_rows(target / "daily_energy") == rows
    assert owner.givlake("publish", target, *only).out == f"{target} has everything already.\n"


def test_a_mart_stays_while_the_folder_lacks_what_it_was_computed_from(owner, target):
    """As on a new machine, of which only the lists of devices are fetched yet."""
    tables = ("energy_flows", "inverter_data_points")
    only = (*tables, "daily_energy")
    place = DeltaTarget(str(target), {})

    def publish(**options):
        chosen = PublicationOptions(only=only, **options)
        return publish_folder(lake, place, "north", publishable("GBP"), chosen).errors

    with Lake(owner.data) as lake:
        assert publish() == []
        rows = published_rows(target / "daily_energy")
        for name in tables:
            drop(lake, name)
        (error,) = publish()
        assert error.startswith(f"daily_energy would lose rows in {target}")
        assert published_rows(target / "daily_energy") == rows
        assert publish(prune=True) == []
        assert published_rows(target / "daily_energy") != rows


def test_a_dry_run_says_what_would_be_written(owner, target):
    done = owner.givlake("publish", target, "--dry-run", "--table", "energy_flows")
    assert done.status == 0
    assert "energy_flows" in done.out
    assert done.out.endswith(f"would be written to {target}.\n")
    assert not target.exists()
    assert "published_to" not in owner.state()


def test_the_target_can_be_a_setting(owner, target):
    settings = {**owner.settings, "GIVLAKE_PUBLISH_TO": str(target)}
    done = Owner(owner.folder, settings, token=None).givlake("publish", "--table", "inverters")
    assert done.status == 0, done.err
    assert [path.name for path in target.iterdir()] == ["inverters"]


@pytest.mark.parametrize(
    ("arguments", "settings", "sentence"),
    [
        ((), {}, "Nowhere to publish to"),
        (("ftp://host/x",), {}, "The target is 'ftp://host/x'"),
        (("s3://",), {}, "The target is 's3://'"),
        (("s3://key:secret@bucket/x",), {}, "The target's URL has credentials"),
        (("ftp://key:secret@host/x",), {}, "The target's URL has credentials"),
        (("data/tables",), {}, "in the data folder"),
        ((".",), {}, "or around it"),
        ((), {"GIVLAKE_PUBLISH_TO": "relative"}, "use the absolute path of a folder"),
        (("out", "--table", "inverter"), {}, "Did you mean inverters"),
        (("out", "--table", "typical_day"), {}, "macros are not published"),
    ],
)
def test_what_cannot_be_a_publication_is_refused(owner, arguments, settings, sentence):
    changed = Owner(owner.folder, {**owner.settings, **settings}, token=None)
    done = changed.givlake("publish", *arguments)
    assert done.status == 2
    assert sentence in done.err
    assert "secret" not in done.err
    assert done.err.count("\n") == 1


def test_a_file_in_place_of_the_target_is_one_sentence(owner, target):
    target.write_text("a file")
    done = owner.givlake("publish", target)
    assert done.status == 1
    assert "is no folder" in done.err
    assert done.err.count("\n") == 1


def test_forget_removes_a_device_from_every_object(kept, owner, target):
    _, serials = kept
    owner.givlake("publish", target)
    assert len(naming(target, serials[0])) > 10
    rows = len(published_rows(target / "energy_flows"))
    done = owner.givlake("forget", "--device", serials[0], "--yes")
    assert done.status == 0, done.err
    assert naming(target, serials[0]) == []
    assert len(published_rows(target / "energy_flows")) == rows // 2
    (line,) = (owner.data / "forgotten.jsonl").read_text().splitlines()
    assert json.loads(line)["published_to"] == [str(target)]
    done = owner.givlake("publish", target)
    assert done.out == f"{target} has everything already.\n"


def test_forget_removes_an_account_from_every_object(owner, target):
    owner.givlake("publish", target)
    account = owner.state()["account_key"]
    assert owner.givlake("forget", "--account", account, "--yes").status == 0
    assert naming(target, account) == []
    assert published_rows(target / "energy_flows") == []
    assert all(account not in str(path) for path in target.rglob("*"))


def test_forget_says_what_is_left_and_goes_on_when_the_target_is_back(kept, owner, target):
    _, serials = kept
    owner.givlake("publish", target)
    away = target.with_name("away")
    target.rename(away)
    target.write_text("not the folder")
    done = owner.givlake("forget", "--device", serials[0], "--yes")
    assert done.status == 1
    assert "everything is erased but what was published" in done.err
    assert str(target) in done.err
    assert serials[0] not in json.dumps(owner.state())
    target.unlink()
    away.rename(target)
    assert naming(target, serials[0])
    done = owner.givlake("forget", "--device", serials[0], "--yes")
    assert done.status == 0
    assert naming(target, serials[0]) == []
    assert naming(owner.data, serials[0]) == []


def test_the_next_publication_finishes_an_erasure_too(kept, owner, target):
    _, serials = kept
    owner.givlake("publish", target)
    away = target.with_name("away")
    target.rename(away)
    target.write_text("not the folder")
    assert owner.givlake("forget", "--device", serials[0], "--yes").status == 1
    target.unlink()
    away.rename(target)
    assert owner.givlake("publish", target).status == 0
    assert naming(target, serials[0]) == []


def test_dagster_publishes_every_morning_where_a_target_is_set(owner, target):
    with owner.dagster() as (definitions, _):
        assert "publish" not in {job.name for job in definitions.resolve_all_job_defs()}
    settings = {**owner.settings, "GIVLAKE_PUBLISH_TO": str(target)}
    with Owner(owner.folder, settings, token=None).dagster() as (definitions, instance):
        assert definitions.resolve_schedule_def("publish_daily").cron_schedule == "30 6 * * *"
        run = definitions.resolve_job_def("publish").execute_in_process(instance=instance)
    assert run.success
    assert len(published_rows(target / "energy_flows")) > 0


def test_the_run_that_publishes_can_be_told_from_a_lost_one(owner, target):
    run_id = str(uuid.uuid4())
    settings = {**owner.settings, "GIVLAKE_PUBLISH_TO": str(target)}
    with Owner(owner.folder, settings, token=None).dagster() as (definitions, instance):
        job = definitions.resolve_job_def("publish")
        with ThreadPoolExecutor(1) as pool:
            with FileLock(owner.data / LOCK):
                run = pool.submit(job.execute_in_process, run_id=run_id, instance=instance)
                deadline = time.monotonic() + TIMEOUT_S
                while not is_alive(owner.data, run_id):
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            assert run.result(TIMEOUT_S).success
    assert not is_alive(owner.data, run_id)
