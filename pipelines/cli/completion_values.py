"""Values that a shell completes: accounts, datasets, devices, tables, marts, tariffs, days.

Nothing is imported that takes long, and nothing is written.
"""

import contextlib
import json
import os
import pkgutil
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from assets import NOT_DATASETS
from pipelines.cli.context import ACCOUNT
from pipelines.cli.help_texts import help_texts

# Set by the shells' scripts.
VARIABLE = "_GIVLAKE_COMPLETE"
_ACCOUNTS = ("--account",)
# Its --account is a key of what to forget.
_FORGET = "forget"
_DATASETS = ("--dataset", "dataset")
_DEVICES = ("--device", "device")
_TARIFFS = ("tariff",)
_IN_CATALOGUE = ("catalogue_name",)
# These also take serial numbers and aliases.
_COMMANDS_WITH_NAMES = ("export", "set", "clear")
_DAYS = ("--start", "--end", "--from", "--to")
_WORDS_FOR_DAYS = {
    "today": "the current day",
    "yesterday": "the day before",
    "-7d": "7 days ago",
    "-4w": "4 weeks ago",
}


def complete_value(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Return what a value can be completed to; nothing if anything goes wrong."""
    names = [parameter.name, *parameter.opts]
    found: list[CompletionItem[str]] = []
    # A message would be printed into the line that is being typed.
    with contextlib.suppress(Exception):
        if any(name in _ACCOUNTS for name in names) and context.info_name != _FORGET:
            from pipelines.named_accounts import account_files

            found = [CompletionItem(name) for name in account_files()]
        elif any(name in _DATASETS for name in names):
            found = [CompletionItem(name) for name in dataset_names()]
        elif any(name in _DEVICES for name in names):
            found = list(_devices(context))
        elif any(name in _IN_CATALOGUE for name in names):
            found = [CompletionItem(name) for name in help_texts()["catalogue"]]
        elif any(name in _TARIFFS for name in names):
            # One folder each, of copies of its files.
            folder = _data_folder(context) / "owner" / "tariff_files"
            found = [CompletionItem(path.name) for path in sorted(folder.iterdir())]
        elif any(name in _DAYS for name in names):
            found = [CompletionItem(word, help=text) for word, text in _WORDS_FOR_DAYS.items()]
    fitting = [item for item in found if item.value.startswith(incomplete)]
    if os.environ.get(VARIABLE, "").startswith("bash"):
        # The other shells quote what they insert.
        return [CompletionItem(shlex.quote(item.value)) for item in fitting]
    return fitting


def dataset_names() -> list[str]:
    """Return the names of all datasets: those of their modules."""
    spec = find_spec("assets")
    places = spec.submodule_search_locations if spec is not None else None
    modules = pkgutil.iter_modules(places or [])
    return sorted(module.name for module in modules if module.name not in NOT_DATASETS)


def _devices(context: click.Context) -> Iterator[CompletionItem[str]]:
    """Return the devices that the data folder knows."""
    folder = _data_folder(context)
    known = json.loads((folder / "state.json").read_bytes())["known_devices"]
    names: dict[str, set[str]] = {}
    if context.info_name in _COMMANDS_WITH_NAMES:
        with contextlib.suppress(Exception):
            names = _device_names(folder)
    for device in known:
        yield CompletionItem(device)
    for name, devices in names.items():
        if name not in known:
            yield CompletionItem(name, help=", ".join(sorted(devices)))


def _data_folder(context: click.Context) -> Path:
    from pipelines.named_accounts import account_environment
    from pipelines.settings_file import data_folder, env_file, read_env_file

    if named := context.params.get("data"):
        return Path(named)
    account = context.params.get("account") if context.info_name != _FORGET else None
    if account := account or context.find_root().meta.get(ACCOUNT):
        return Path(account_environment(account)["GIVLAKE_DATA"])
    file = env_file()
    return data_folder(os.environ, read_env_file(file), file)


def _device_names(folder: Path) -> dict[str, set[str]]:
    import duckdb

    from pipelines.cli.stored_device_names import stored_device_names

    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        return stored_device_names(connection)
