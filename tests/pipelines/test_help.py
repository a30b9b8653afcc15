"""The help, suggestions, versions and the completion of shells."""

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from assets.registry import datasets
from givenergy.version import API_VERSION
from pipelines.cli.command_list import FORMER_NAMES, GROUPS, MODULES, SUBCOMMANDS
from pipelines.cli.completion_values import complete_value, dataset_names
from pipelines.cli.declared_help import declared_texts
from pipelines.cli.givlake_command import givlake
from pipelines.cli.help_texts import help_texts, light_command
from pipelines.suggestions import did_you_mean
from tests.support.api_examples import CONTRACT
from tests.support.owner import Owner, command
from tests.support.timeouts import TIMEOUT_S

# Packages that take long to import.
SLOW = {"dagster", "duckdb", "numpy", "pandas", "pandera", "pyarrow", "pydantic"}
SUBCOMMAND_NAMES = [(group, name) for group, names in SUBCOMMANDS.items() for name in names]
ALIASED = "43fab14c-eb9a-44b3-9d22-83731f19d7a0"


@pytest.fixture
def owner(tmp_path):
    return Owner(tmp_path, {}, token=None)


@pytest.fixture
def known(owner):
    """Give an owner whose data folder knows devices and tariffs."""
    for tariff in ("agile", "flat"):
        (owner.data / "owner" / "tariff_files" / tariff).mkdir(parents=True)
    known = ["SIM0001", "SIM0002", ALIASED]
    (owner.data / "state.json").write_text(json.dumps({"known_devices": known}))
    return owner


def test_the_stored_texts_are_those_of_the_commands():
    assert declared_texts(givlake) == help_texts(), "run `make help-texts`"


def test_every_command_is_in_one_group_with_its_whole_sentence(owner):
    listed = [name for group in GROUPS.values() for name in group]
    assert sorted(listed) == sorted(set(listed)) == sorted(MODULES)
    done = owner.givlake("--help")
    assert done.status == 0
    said = " ".join(done.out.split())
    for title, names in GROUPS.items():
        assert f"\n{title}:\n" in done.out
        for name in names:
            sentence = help_texts()["commands"][name]["sentence"]
            assert f"{name} {sentence}" in said
            assert sentence.endswith(".")
            assert sentence[0].isupper()
    assert "..." not in said.replace("[ARGS]...", "")
    assert "…" not in said


@pytest.mark.parametrize("words", [*((name,) for name in MODULES), *SUBCOMMAND_NAMES])
def test_the_help_of_a_command_fits_80_columns_and_is_not_cut(owner, words):
    owner.settings["COLUMNS"] = "80"
    done = owner.givlake(*words, "--help")
    assert done.status == 0
    assert max(map(len, done.out.splitlines())) <= 80
    # After the usage, which has "FILE..." for several files.
    assert "..." not in done.out.partition("\n\n")[2]


@pytest.mark.parametrize("group", SUBCOMMANDS)
def test_a_group_of_commands_lists_them_when_it_is_called_alone(owner, group):
    asked, alone = owner.givlake(group, "--help"), owner.givlake(group)
    assert (asked.status, asked.err) == (0, "")
    assert (alone.status, alone.out, alone.err) == (2, "", asked.out)
    said = " ".join(asked.out.split())
    texts = help_texts()["commands"][group]
    assert texts["sentence"] in said
    assert list(texts["commands"]) == list(SUBCOMMANDS[group])
    for name, each in texts["commands"].items():
        assert f"{name} {each['sentence']}" in said
        assert each["sentence"].endswith(".")


@pytest.mark.processes
@pytest.mark.parametrize("argument", ["--help", "--version", *SUBCOMMANDS])
def test_help_and_versions_import_no_slow_package(owner, argument):
    code = (
        "import sys; sys.argv = ['givlake', sys.argv[1]]\n"
        "from pipelines.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, argument],
        env=owner.environment, cwd=Path(__file__).parents[2], capture_output=True, text=True,
        timeout=TIMEOUT_S, check=True,
    )  # fmt: skip
    imported = set(eval(done.stderr.splitlines()[-1]))
    allowed = {"pydantic"} if argument == "--version" else set()
    assert imported & SLOW <= allowed
    assert done.stdout or "Commands:" in done.stderr


def test_versions_are_those_that_are_installed(owner):
    assert owner.givlake("--version").out.splitlines() == [
        f"givlake {version('givlake')}",
        f"GivEnergy API {API_VERSION}",
        f"DuckDB {version('duckdb')}",
        f"Dagster {version('dagster')}",
        f"Python {platform.python_version()}",
    ]
    assert CONTRACT.name == f"givenergy-api-v{API_VERSION}.txt"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("bakfill",), "There is no command 'bakfill'. Did you mean backfill?"),
        (("Status",), "There is no command 'Status'. Did you mean status?"),
        (("tariffs", "lod"), "There is no command 'lod'. Did you mean load?"),
        (("roles", "xyzzy"), "There is no command 'xyzzy'.\n"),
        (("xyzzy",), "There is no command 'xyzzy'.\n"),
        (("sync", "--detaset", "x"), "No such option '--detaset'."),
        (("rebuild", "--dataset", "energy_flow"), "Did you mean energy_flows"),
        (("decode", "inverter-events", "x.json"), "Did you mean inverter_events?"),
        (("describe", "gap"), "There is no table, view or macro 'gap'. Did you mean gaps?\n"),
        (("describe", "xyzzy"), "'xyzzy'. givlake describe lists what there is.\n"),
    ],
)
def test_a_mistyped_name_is_answered_with_a_similar_one(owner, tmp_path, arguments, sentence):
    (tmp_path / "x.json").write_text("{}")
    done = owner.givlake(*arguments)
    assert (done.status, done.out) == (2, "")
    assert sentence in done.err


def test_suggestions_are_a_sentence():
    assert did_you_mean("x", ["alpha", "beta"]) == ""
    assert did_you_mean("ALPHA", ["alpha", "beta"]) == "Did you mean alpha?"
    three = did_you_mean("flow_1", ["flow_a", "flow_b", "flow_c", "flow_d"])
    assert three == "Did you mean flow_d, flow_c or flow_b?"


def test_names_of_former_versions_still_work(owner):
    for former, name in FORMER_NAMES.items():
        assert owner.givlake(former, "--help").out.startswith(f"Usage: givlake {former} ")
        assert owner.givlake(former, "--help").out.count(help_texts()["commands"][name]["sentence"])


def test_completion_knows_the_parameters_and_datasets_without_importing_them():
    assert dataset_names() == [dataset.name for dataset in datasets()]
    context = click.Context(givlake)
    for name in MODULES:
        real, light = givlake.get_command(context, name), light_command(name, complete_value)
        _compare_parameters(real, light)
        for subcommand in SUBCOMMANDS.get(name, ()):
            inner = click.Context(real, parent=context)
            _compare_parameters(
                real.get_command(inner, subcommand), light_command(name, complete_value, subcommand)
            )
            assert light.commands[subcommand].name == subcommand


def _compare_parameters(real, light):
    shown = [option for option in real.params if not getattr(option, "hidden", False)]
    assert [option.opts for option in light.params] == [option.opts for option in shown]


def complete(owner, shell, *words):
    """Return what a shell is offered for the last word."""
    count = {"fish": words[-1]}.get(shell, str(len(words)))
    line = ("givlake", *words[:-1]) if shell == "fish" else ("givlake", *words)
    asked = {
        "_GIVLAKE_COMPLETE": f"{shell}_complete", "COMP_WORDS": " ".join(line), "COMP_CWORD": count
    }  # fmt: skip
    owner.settings.update(asked)
    try:
        done = owner.givlake()
    finally:
        for name in asked:
            del owner.settings[name]
    assert done.status == 0
    assert done.err == ""
    return done.out.splitlines()


def test_commands_options_and_values_are_completed(known):
    assert complete(known, "bash", "ver") == ["plain,verify"]
    assert complete(known, "bash", "backfill", "--dev") == ["plain,--device"]
    assert complete(known, "bash", "backfill", "--device", "SIM") == [
        "plain,SIM0001", "plain,SIM0002"
    ]  # fmt: skip
    assert complete(known, "bash", "plan", "--dataset", "energy_flows") == ["plain,energy_flows"]
    assert complete(known, "bash", "decode", "energy_flow_") == ["plain,energy_flow_aggregates"]
    assert complete(known, "bash", "describe", "half_hourly_balance_") == [
        "plain,half_hourly_balance_from_points"
    ]
    assert complete(known, "bash", "describe", "inverters_") == ["plain,inverters_now"]
    assert complete(known, "bash", "query", "--format", "c") == ["plain,csv"]
    assert complete(known, "bash", "export", "--start", "y") == ["plain,yesterday"]
    assert complete(known, "fish", "ver") == [
        "plain,verify\tCheck the tables against a rebuild from the archive."
    ]
    assert complete(known, "bash", "tar") == ["plain,tariffs"]
    assert complete(known, "bash", "tariffs", "c") == ["plain,check"]
    assert complete(known, "bash", "tariffs", "load", "--dir") == ["plain,--direction"]
    assert complete(known, "bash", "tariffs", "load", "--vat", "e") == ["plain,exclude"]
    assert complete(known, "bash", "tariffs", "use", "a") == ["plain,agile"]
    assert complete(known, "bash", "tariffs", "use", "agile", "--from", "y") == ["plain,yesterday"]
    assert complete(known, "bash", "roles", "set", "SIM0002", "wh") == ["plain,whole_site"]
    assert complete(known, "bash", "roles", "clear", "SIM0001") == ["plain,SIM0001"]
    assert complete(known, "fish", "tariffs", "us") == [
        "plain,use\tSay that a tariff was in force from a day on."
    ]
    assert complete(known, "zsh", "completion", "z") == ["plain", "zsh", "_"]


def test_the_data_folder_is_the_one_of_the_option_and_nothing_is_written(known, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    other = ("plan", "--data", tmp_path / "none", "--device", "")
    assert complete(known, "bash", *map(str, other)) == [""]
    known.settings["GIVLAKE_ENV_FILE"] = "no/such/file"
    assert complete(known, "bash", "plan", "--device", "SIM") == [""]
    del known.settings["GIVLAKE_ENV_FILE"]
    (known.data / "state.json").write_text("{")
    assert complete(known, "bash", "plan", "--device", "SIM") == [""]
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert after.keys() == before.keys()


@pytest.mark.processes
def test_bash_completes_by_the_script_that_the_command_prints(known):
    script = (
        'eval "$(givlake completion bash)"\n'
        "COMP_WORDS=(givlake rebuild --dataset energy_f) COMP_CWORD=3\n"
        "_givlake_completion givlake\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
        "complete -p givlake"
    )
    path = f"{Path(command()[0]).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=known.environment | {"PATH": path}, cwd=known.folder, capture_output=True, text=True,
        timeout=TIMEOUT_S, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "energy_flow_aggregates",
        "energy_flows",
        "complete -o nosort -F _givlake_completion givlake",
    ]


def test_the_help_of_completion_has_a_line_for_each_shell(owner):
    lines = owner.givlake("completion", "--help").out.splitlines()
    assert '    ~/.bashrc                   eval "$(givlake completion bash)"' in lines
    assert '    ~/.zshrc                    eval "$(givlake completion zsh)"' in lines
    assert "    ~/.config/fish/config.fish  givlake completion fish | source" in lines


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_for_givlake(owner, shell):
    done = owner.givlake("completion", shell)
    assert (done.status, done.err) == (0, "")
    assert f"_GIVLAKE_COMPLETE={shell}_complete" in done.out
    assert not owner.data.exists()
