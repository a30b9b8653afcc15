"""One data folder, wherever one stands: settings file, relative paths, `--data`, no folder."""

import json

import pytest

from pipelines.cli.command_list import MODULES, SUBCOMMANDS, WITHOUT_DATA
from pipelines.settings import load_settings
from pipelines.settings_file import SettingsError

RANGE = ("--start", "2025-06-01", "--end", "2025-06-02")
READING = (
    ("status",),
    ("query", "SHOW TABLES"),
    ("quarantine",),
    ("metrics",),
    ("verify",),
    ("check",),
    ("export", "--to", "exported"),
    ("build",),
    ("rebuild",),
    ("compact",),
    ("check", "--repair"),
    ("forget", "--device", "XA0000G000", "--yes"),
)


@pytest.fixture
def elsewhere(simulate, own, tmp_path):
    """An owner whose settings are in `project/.env`, standing in a folder below it."""
    sim = simulate(inverters=1)
    owner = own(sim)
    project = tmp_path / "project"
    owner.folder = project / "deep" / "er"
    owner.folder.mkdir(parents=True)
    owner.data = project / "data"
    (project / ".env").write_text(
        f"GIVENERGY_API_TOKEN = '{sim.token}'\nGIVENERGY_API_URL={sim.base_url}\n"
        "GIVLAKE_DATASETS=inverter_data_points\nGIVLAKE_RETRY_S=0\n"
    )
    owner.settings = {}
    return owner, project


@pytest.mark.slow
@pytest.mark.new_folder
def test_one_data_folder_is_used_from_every_folder_below_the_settings_file(elsewhere):
    owner, project = elsewhere
    assert owner.givlake("backfill", *RANGE).status == 0
    assert owner.data.is_dir()
    assert list(owner.folder.iterdir()) == []
    assert (rows := len(owner.rows())) > 0
    count = json.loads(
        owner.givlake(
            "query", "SELECT count(*) n FROM inverter_data_points", "--format", "json"
        ).out
    )
    assert count == [{"n": rows}]
    (project / ".env").write_text((project / ".env").read_text() + "GIVLAKE_DATA=deep/data\n")
    with owner.environment_set():
        assert load_settings().data == project / "deep" / "data"
    owner.settings["GIVLAKE_DATA"] = "mine"
    with owner.environment_set():
        assert load_settings().data == owner.folder / "mine"


@pytest.mark.new_folder
def test_a_folder_that_an_earlier_version_used_is_not_left_behind(elsewhere):
    owner, project = elsewhere
    with owner.environment_set():
        owner_data = owner.folder / "data"
        owner_data.mkdir()
        (owner_data / "store.json").write_text("{}")
        with pytest.raises(SettingsError) as error:
            load_settings()
    assert f"GIVLAKE_DATA={owner_data} in {project / '.env'}" in str(error.value)


@pytest.mark.slow
@pytest.mark.new_folder
def test_without_a_data_folder_commands_say_where_they_looked_and_create_nothing(
    simulate, own, tmp_path
):
    owner = own(simulate(inverters=1))
    owner.settings.pop("GIVLAKE_DATA")
    before = {path.name for path in tmp_path.iterdir()}
    for command in READING:
        done = owner.givlake(*command)
        assert done.status == 2, command
        assert f"No data in {tmp_path / 'data'}" in done.err
        assert f"no .env file was found in {tmp_path} or a folder above it" in done.err
        assert {path.name for path in tmp_path.iterdir()} == before, command
    for command in ("plan", "doctor"):
        assert owner.givlake(command).status == 0
        assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.slow
@pytest.mark.new_folder
def test_every_command_takes_the_data_folder_as_an_option(simulate, own, tmp_path):
    owner = own(simulate(inverters=1))
    for name in MODULES:
        if name in WITHOUT_DATA:
            continue
        assert "--data" in owner.givlake(name, "--help").out, name
        for subcommand in SUBCOMMANDS.get(name, ()):
            assert "--data" in owner.givlake(name, subcommand, "--help").out, (name, subcommand)
    assert owner.givlake("backfill", *RANGE, "--data", "other").status == 0
    assert (tmp_path / "other" / "warehouse.duckdb").is_file()
    assert not owner.data.exists()
    assert "2 device-days complete" in owner.givlake("status", "--data", tmp_path / "other").out
    for words in (("roles", "list", "--data", "other"), ("roles", "--data", "other", "list")):
        assert "whole_site" in owner.givlake(*words).out
    assert not owner.data.exists()


@pytest.mark.new_folder
@pytest.mark.parametrize(
    "content",
    [
        "\N{ZERO WIDTH NO-BREAK SPACE}GIVLAKE_RESERVE = 5\r\n".encode(),
        "GIVLAKE_RESERVE=5\r\n".encode("utf-16"),
        "\N{ZERO WIDTH NO-BREAK SPACE}GIVLAKE_RESERVE=5\n".encode("utf-16-be"),
        "GIVLAKE_RESERVE=5\n".encode("utf-16-le"),
        "# Jürgen\nGIVLAKE_RESERVE='5' \n".encode(),
    ],
)
def test_a_settings_file_is_read_in_every_usual_encoding(simulate, own, tmp_path, content):
    owner = own(simulate(inverters=1))
    (tmp_path / ".env").write_bytes(content)
    with owner.environment_set():
        assert load_settings().reserve == 5


@pytest.mark.new_folder
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("GIVLAKE_RESERVE=5\n# Jürgen\n".encode("latin-1"), "line 2 is not UTF-8 text, perhaps"),
        ("GIVLAKE_RESERVE=5".encode("utf-32"), "it is UTF-32 text"),
        (b"GIVLAKE_RESERVE=5\n\0\0\0", "it contains zero bytes"),
    ],
)
def test_a_settings_file_in_another_encoding_is_named(simulate, own, tmp_path, content, reason):
    owner = own(simulate(inverters=1))
    (tmp_path / ".env").write_bytes(content)
    done = owner.givlake("status")
    assert (done.status, done.out) == (2, "")
    assert f"The settings file {tmp_path / '.env'} cannot be read ({reason}" in done.err


@pytest.mark.new_folder
def test_a_folder_in_place_of_the_settings_file_is_named(simulate, own, tmp_path):
    owner = own(simulate(inverters=1))
    owner.settings.pop("GIVENERGY_API_TOKEN")
    (tmp_path / ".env").mkdir()
    done = owner.givlake("sync")
    assert done.status == 2
    assert f"({tmp_path / '.env'} is a folder)" in done.err
    assert not owner.data.exists()


@pytest.mark.slow
def test_doctor_warns_of_a_settings_file_that_others_can_read(simulate, own):
    owner = own(simulate(inverters=1))
    file = owner.folder / ".env"
    file.write_text("GIVLAKE_RESERVE=0\n")
    for mode, is_safe in ((0o600, True), (0o640, False), (0o644, False)):
        file.chmod(mode)
        done = owner.givlake("doctor")
        assert done.status == 0
        assert (f"run chmod 600 '{file}'" not in done.out) == is_safe
    file.unlink()


@pytest.mark.new_folder
def test_an_unknown_home_folder_is_one_sentence(simulate, own):
    owner = own(simulate(inverters=1), GIVLAKE_DATA="~nobody-of-this-name/data")
    done = owner.givlake("status")
    assert (done.status, done.out) == (2, "")
    assert "GIVLAKE_DATA is '~nobody-of-this-name/data', and that home folder is not" in done.err
