"""Dagster's settings: givlake's, with the owner's `dagster.override.yaml` over them."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from pipelines import instance, instance_settings
from pipelines.database_errors import DagsterDatabaseError
from pipelines.instance import try_database, use_dagster_home
from pipelines.instance_settings import OVERRIDE, instance_text, override_with_password
from pipelines.settings_file import SettingsError, readable_by_others
from tests.support.settings import settings_of

POSTGRES = "storage:\n  postgres:\n    postgres_url: postgresql://north:s3cret@db/north\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    folder = tmp_path / "dagster"
    folder.mkdir()
    return folder


def written(home: Path) -> dict:
    """Return what Dagster reads, written anew as by another command."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", "")
        use_dagster_home(settings_of({"GIVLAKE_DATA": str(home.parent)}))
    return yaml.safe_load((home / "dagster.yaml").read_text())


def test_an_override_is_merged_mapping_by_mapping_and_kept(home):
    plain = written(home)
    (home / OVERRIDE).write_text("retention:\n  schedule:\n    purge_after_days: 7\n")
    merged = written(home)
    assert merged["retention"] == {
        "schedule": {"purge_after_days": 7},
        "sensor": plain["retention"]["sensor"],
    }
    assert {**merged, "retention": None} == {**plain, "retention": None}
    assert (home / OVERRIDE).read_text().endswith("purge_after_days: 7\n")
    (home / OVERRIDE).unlink()
    assert written(home) == plain


def test_storage_replaces_the_blocks_it_stands_for(home):
    (home / OVERRIDE).write_text(POSTGRES)
    merged = written(home)
    assert not {"run_storage", "event_log_storage", "schedule_storage"} & merged.keys()
    assert merged["storage"]["custom"]["config"] == yaml.safe_load(POSTGRES)["storage"]["postgres"]
    assert (home / "dagster.yaml").stat().st_mode & 0o077 == 0


def test_a_block_that_names_a_class_is_taken_as_a_whole(home):
    block = {"module": "dagster.core.storage.runs", "class": "InMemoryRunStorage"}
    (home / OVERRIDE).write_text(yaml.safe_dump({"run_storage": block}))
    assert written(home)["run_storage"] == block


def test_what_the_owner_edited_is_moved_aside_and_said(home, caplog):
    written(home)
    assert caplog.messages == []
    edited = (home / "dagster.yaml").read_text() + "run_retries: {enabled: true}\n"
    (home / "dagster.yaml").write_text(edited)
    assert "run_retries" not in written(home)
    assert (home / "dagster.yaml.edited").read_text() == edited
    (message,) = caplog.messages
    assert f"{home}/dagster.yaml.edited" in message
    assert f"put your own settings into {home}/{OVERRIDE}" in message
    written(home)
    assert len(caplog.messages) == 1
    (home / "dagster.yaml").write_text("nux: {enabled: true}\n")
    written(home)
    assert (home / "dagster.yaml.edited").read_text() == edited
    assert (home / "dagster.yaml.edited-2").read_text() == "nux: {enabled: true}\n"
    assert "dagster.yaml.edited-2" in caplog.messages[1]


def test_a_home_of_the_owners_own_is_taken_as_it_is_unless_it_has_an_override(home, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    (home / "dagster.yaml").write_text("{}\n")
    settings = settings_of({"GIVLAKE_DATA": str(home / "elsewhere")})
    assert use_dagster_home(settings) == home
    assert (home / "dagster.yaml").read_text() == "{}\n"
    (home / OVERRIDE).write_text("nux: {enabled: true}\n")
    assert use_dagster_home(settings) == home
    assert yaml.safe_load((home / "dagster.yaml").read_text())["nux"] == {"enabled": True}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nux: {enabled: [s3cret\n", "line 2, is not YAML"),
        ("s3cret\n", "line 1, has no settings of Dagster by name"),
        ("nux:\n  enabled: false\nstorges: {}\n", 'line 3, .*unexpected config entry "storges"'),
        ("nux:\n  enabled: s3cret\n", "line 2, cannot be used"),
        ("storage:\n  postgres:\n    postgres_url: {env: NOT_SET}\n", 'line 3, .*"NOT_SET"'),
        ("storage:\n  postgres: {}\n", "line 2, .*needs postgres_url or postgres_db"),
        ("storage:\n  postgres:\n    postgres_url: s3cret\n", "write it as postgresql://"),
        ("storage:\n  postgres:\n    postgres_url: 53\n", "line 3, cannot be used"),
        (POSTGRES.replace("s3cret", "Top@s3cret"), "special characters .* as %40"),
    ],
)
def test_a_bad_override_is_one_sentence_with_file_and_line(simulate, own, text, said):
    pytest.importorskip("dagster_postgres")
    owner = own(simulate(inverters=1))
    (owner.data / "dagster" / OVERRIDE).write_text(text)
    done = owner.givlake("sync")
    assert (done.status, len(done.err.splitlines())) == (2, 1), done.err
    assert OVERRIDE in done.err
    assert "s3cret" not in done.err
    assert re.search(said, done.err), done.err


@pytest.mark.parametrize(
    ("storage", "mode", "is_said"),
    [
        (POSTGRES, 0o644, True),
        (POSTGRES, 0o600, False),
        ("storage: {postgres: {postgres_db: {password: s3cret}}}\n", 0o640, True),
        ("storage: {postgres: {postgres_url: {env: DAGSTER_PG_URL}}}\n", 0o644, False),
    ],
)
def test_an_override_with_a_password_that_others_can_read_is_noticed(home, storage, mode, is_said):
    (home / OVERRIDE).write_text(storage)
    (home / OVERRIDE).chmod(mode)
    found = override_with_password(home)
    assert (found is not None and readable_by_others(found) is not None) == is_said


def test_without_the_extra_a_sentence_names_it(home, monkeypatch):
    (home / OVERRIDE).write_text(POSTGRES)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Exception, match=r"pip install 'givlake\[postgres\]'") as raised:
        instance_text(home)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        ("postgres_db: {username: n, password: s3cret, hostname: h, db_name: d}", "override.yaml"),
        pytest.param(
            "postgres_url: postgresql+psycopg2://n:Top@s3cret@127.0.0.1:1/d",
            r"\*\*\*",
            marks=pytest.mark.slow,  # Dagster tries for ten seconds
        ),
    ],
)
def test_a_file_of_the_owners_own_that_cannot_be_used_is_named(
    home, monkeypatch, capfd, caplog, storage, said
):
    pytest.importorskip("dagster_postgres")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    (home / "dagster.yaml").write_text(f"storage:\n  postgres:\n    {storage}\n")
    with pytest.raises((SettingsError, DagsterDatabaseError), match=said) as raised:
        try_database(settings_of({"GIVLAKE_DATA": str(home.parent)}))
    assert f"{home}/dagster.yaml" in str(raised.value)
    for text in (str(raised.value), caplog.text, *capfd.readouterr()):
        assert "s3cret" not in text
        assert "Retrying" not in text


def test_a_database_that_is_away_is_named(home):
    pytest.importorskip("dagster_postgres")
    (home / OVERRIDE).write_text(POSTGRES.replace("@db/", "@127.0.0.1:1/"))
    with pytest.raises(DagsterDatabaseError, match=f"north at 127.0.0.1, port 1.*in {OVERRIDE}"):
        try_database(settings_of({"GIVLAKE_DATA": str(home.parent)}))


def test_the_storage_that_givlake_wrote_names_the_extra_if_that_is_gone(home, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    custom = {"module": "dagster_postgres_gone", "class": "Gone", "config": {}}
    (home / "dagster.yaml").write_text(yaml.safe_dump({"storage": {"custom": custom}}))
    monkeypatch.setattr(instance_settings, "_DRIVERS", ("dagster_postgres_gone",))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(instance, "is_in_postgres", lambda text: True)
    with pytest.raises(SettingsError, match=r"pip install 'givlake\[postgres\]'"):
        try_database(settings_of({"GIVLAKE_DATA": str(home.parent)}))
