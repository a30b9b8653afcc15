"""`givlake verify`: proving that the tables are what the archive yields; changes nothing."""

import json
from pathlib import Path

import click

from assets.framework.contract.dataset import Dataset
from assets.framework.decoding.decoder import DatasetDecoder, decoders
from assets.registry import daily_datasets, datasets
from pipelines.cli.common import (
    ALL_THERE,
    SOMETHING_MISSING,
    WRONG_USAGE,
    KnownError,
    console,
    opened_for_reading,
    plural,
    printable,
)
from pipelines.selection import UnknownDatasetError, named
from pipelines.settings import load_settings
from warehouse import Finding, Lake, Remedy, make_manifest
from warehouse import check as check_stores
from warehouse import verify as verify_dataset

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
def verify(names: tuple[str, ...], file: Path | None) -> None:
    """Prove every body by its hash, and every table by building it again beside."""
    chosen = chosen_datasets(names)
    settings = load_settings()
    with opened_for_reading(settings) as lake:
        others = [dataset for dataset in datasets() if dataset not in chosen]
        findings = check_stores(lake, decoders(others))
        for finding in findings:
            _say(finding)
        findings += _compare(lake, chosen)
        if file is not None:
            _write_manifest(lake, chosen, file)
    if not findings:
        _OUT.print(f"Everything in {settings.data} is what the archive yields.")
    raise SystemExit(SOMETHING_MISSING if findings else ALL_THERE)


def chosen_datasets(names: tuple[str, ...]) -> tuple[Dataset, ...]:
    """Find the datasets that were named; all where none was.

    Raises:
        KnownError: if there is no such dataset.
    """
    try:
        return named(names) if names else datasets()
    except UnknownDatasetError as error:
        raise KnownError(str(error), WRONG_USAGE) from error


def _compare(lake: Lake, chosen: tuple[Dataset, ...]) -> list[Finding]:
    findings = []
    for dataset in chosen:
        done = verify_dataset(lake, DatasetDecoder(dataset))
        for finding in done.findings:
            _say(finding)
        findings += done.findings
        if done.responses and not done.findings:
            _OUT.print(
                f"proven  {dataset.name}: {plural(done.rows, 'row')} of"
                f" {plural(done.responses, 'response')}"
            )
    return findings


def _say(finding: Finding) -> None:
    advice = {
        Remedy.CHECK: ": run givlake check --mend",
        Remedy.BUILD: ": run givlake build",
        Remedy.REBUILD: f": run givlake rebuild --dataset {finding.dataset}",
        Remedy.NONE: "",
    }
    sentence = f"{finding.sentence}{advice[finding.remedy]}"
    _OUT.print(f"{kind_of(finding):7} {printable(sentence)}")


def kind_of(finding: Finding) -> str:
    """Name the kind of a finding: damage, or what is only not built yet."""
    return "pending" if finding.remedy is Remedy.BUILD else "damage"


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
            f"The manifest cannot be written to {file} ({error.strerror}): name a file in a folder"
            " that you can write to.",
            WRONG_USAGE,
        ) from error
    _OUT.print(f"Manifest written to {file}.")
