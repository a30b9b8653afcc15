"""How often a command reads the coverage of each dataset, counted around the real function."""

import sys
from collections import Counter

import pytest

from warehouse.coverage import coverage_by_month

DATASETS = ("inverter_data_points", "energy_flows")
RANGE = ("--start", "2025-06-01", "--end", "2025-06-03")


@pytest.fixture
def reads(monkeypatch) -> Counter[str]:
    """Count the reads of coverage by dataset."""
    counts: Counter[str] = Counter()
    read = coverage_by_month

    def counted(lake, rules, *arguments, **options):
        counts.update(rule.dataset for rule in rules)
        return read(lake, rules, *arguments, **options)

    for module in list(sys.modules.values()):
        if getattr(module, "coverage_by_month", None) is read:
            monkeypatch.setattr(module, "coverage_by_month", counted)
    return counts


@pytest.mark.slow
def test_a_command_reads_the_coverage_of_each_dataset_once(simulate, own, reads):
    sim = simulate(inverters=2, rows_per_day=12)
    owner = own(sim, GIVLAKE_DATASETS=",".join(DATASETS))

    def reads_of(*command: str, status: int = 0) -> dict[str, int]:
        reads.clear()
        done = owner.givlake(*command)
        assert done.status == status, done.output
        return dict(reads)

    once = dict.fromkeys(DATASETS, 1)

    def with_runs(count: int) -> dict[str, int]:
        """The command plans, each run plans what is missing by then, the result is read last."""
        return dict.fromkeys(DATASETS, count + 2)

    assert reads_of("plan", *RANGE) == once
    assert reads_of("backfill", *RANGE) == with_runs(1)
    assert reads_of("backfill", *RANGE) == once
    assert reads_of("backfill", "--start", "2025-05-01", "--end", "2025-05-01",
                    "--device", sim.serials[0]) == with_runs(1)  # fmt: skip
    # The devices have different requested ranges: planned in one read, fetched in two runs.
    assert reads_of("sync") == with_runs(2)
    assert reads_of("status", "--format", "json", status=1) == once
    assert reads_of("status", status=1) == once
