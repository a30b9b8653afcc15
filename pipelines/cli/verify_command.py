"""`givlake verify`: prove that the tables match the archive; nothing is changed."""

import json
from pathlib import Path

import click

from assets.framework.contract.dataset import Dataset
from assets.framework.decoding.decoder import DatasetDecoder, decoders
from assets.registry import daily_datasets, datasets
from pipelines.cli.common import (
    EXIT_COMPLETE,
    EXIT_INCOMPLETE,
    EXIT_USAGE,
    KnownError,
    console,
    opened_for_reading,
    plural,
    printable,
)
from pipelines.cli.context import pass_settings
from pipelines.selection import UnknownDatasetError, named
from pipelines.settings import Settings
from pipelines.settings_file import access_note
from warehouse.lake import Lake
from warehouse.verification.integrity import IntegrityFinding, Remedy
from warehouse.verification.integrity import check as check_stores
from warehouse.verification.manifest import make_manifest
from warehouse.verification.verify import verify as verify_dataset

_OUT = console()


@click.command()
@click.option("--dataset", "names", multiple=True, metavar="NAME", help="Only this dataset.")
@click.option(
    "--manifest",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write a dated summary with hashes of all rows.",
)
@pass_settings
def verify(settings: Settings, names: tuple[str, ...], file: Path | None) -> None:
    """Check the tables against a rebuild from the archive.

    Also checks every response body against its hash.
    """
    chosen = chosen_datasets(names)
    with opened_for_reading(settings) as lake:
        others = [dataset for dataset in datasets() if dataset not in chosen]
        findings = check_stores(lake, decoders(others))
        for finding in findings:
            _print_finding(finding)
        findings += _compare(lake, chosen)
        if file is not None:
            _write_manifest(lake, chosen, file)
    print_access_note(settings)
    if findings:
        _OUT.print(f"Not proven: {plural(len(findings), 'problem')} found.")
    else:
        _OUT.print(f"All tables in {settings.data} match the archive.")
    raise SystemExit(EXIT_INCOMPLETE if findings else EXIT_COMPLETE)


def chosen_datasets(names: tuple[str, ...]) -> tuple[Dataset, ...]:
    """Return datasets by name; no name means all.

    Raises:
        KnownError: There is no such dataset.
    """
    try:
        return named(names) if names else datasets()
    except UnknownDatasetError as error:
        raise KnownError(str(error), EXIT_USAGE) from error


def _compare(lake: Lake, chosen: tuple[Dataset, ...]) -> list[IntegrityFinding]:
    findings = []
    for dataset in chosen:
        done = verify_dataset(lake, DatasetDecoder(dataset))
        for finding in done.findings:
            _print_finding(finding)
        findings += done.findings
        if done.responses and not done.findings:
            _OUT.print(
                f"proven  {dataset.name}: {plural(done.rows, 'row')} of"
                f" {plural(done.responses, 'response')}"
            )
    return findings


def _print_finding(finding: IntegrityFinding) -> None:
    advice = {
        Remedy.CHECK: ": run givlake check --repair",
        Remedy.BUILD: ": run givlake build",
        Remedy.REBUILD: f": run givlake rebuild --dataset {finding.dataset}",
        Remedy.NONE: "",
    }
    sentence = f"{finding.message}{advice[finding.remedy]}"
    _OUT.print(f"{kind_of(finding):7} {printable(sentence)}")


def kind_of(finding: IntegrityFinding) -> str:
    """Name the kind of a finding: damage, or what is only not built yet."""
    return "pending" if finding.remedy is Remedy.BUILD else "damage"


def print_access_note(settings: Settings) -> None:
    """Print a note if other users may read the data folder, which is no damage."""
    if (note := access_note(settings.data)) is not None:
        _OUT.print(f"{'note':7} {printable(note)}")


def _write_manifest(lake: Lake, chosen: tuple[Dataset, ...], file: Path) -> None:
    rules = [dataset.coverage_rule for dataset in daily_datasets()]
    text = json.dumps(make_manifest(lake, decoders(chosen), rules), indent=1)
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        unfinished.write_text(f"{text}\n", encoding="utf-8")
        unfinished.chmod(0o600)
        unfinished.replace(file)
    except OSError as error:
        raise KnownError(
            f"The manifest {file} cannot be written ({error.strerror}): use a file in a folder that"
            " you can write to.",
            EXIT_USAGE,
        ) from error
    _OUT.print(f"Manifest written to {file}.")
