"""The export for Home Assistant by the command, and small accounts to export."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from simulator import Simulator
from tests.support.home_assistant_files import Sums, checked_files
from tests.support.owner import Owner


def export(owner: Owner, to: Path, *options: object) -> tuple[Sums, str]:
    """Export; return the sums by statistic and hour, and the guide."""
    done = owner.givlake("export", "--format", "home-assistant", "--to", to, *options)
    assert done.status == 0, done.output
    return checked_files(to), (to / "energy-dashboard.md").read_text()


def refused(owner: Owner, to: Path, *options: object) -> str:
    """Export what cannot be exported; return the message."""
    done = owner.givlake("export", "--format", "home-assistant", "--to", to, *options)
    assert done.status == 2, done.output
    assert "Traceback" not in done.output
    return done.err


def ingested(
    sim: Simulator, folder: Path, first: date, last: date, *datasets: str, **settings: str
) -> Owner:
    """Ingest an account's days; without named datasets, their energy flows.

    Args:
        sim: The API.
        folder: The owner's folder.
        first: First day.
        last: Last day.
        datasets: Names of the datasets of the days.
        settings: More settings.
    """
    names = ("communication_devices", *(datasets or ["energy_flows"]))
    settings = {
        "GIVENERGY_API_URL": sim.base_url,
        "GIVLAKE_DATASETS": ",".join(names),
        **settings,
    }
    owner = Owner(folder, settings, token=sim.token)
    done = owner.givlake("backfill", "--start", first, "--end", last)
    assert done.status == 0, done.output
    return owner
