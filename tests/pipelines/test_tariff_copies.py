"""Lost copies of the files of tariffs, damaged inputs, and tariffs that are forgotten."""

from __future__ import annotations

import io
import shutil
from datetime import date, timedelta

import pytest

from pipelines.tariffs.price_series import TariffError
from pipelines.tariffs.tariff_store import forget_tariff, read_loads, renew_prices
from pipelines.tariffs.tariffs_in_force import use_tariff
from tests.support.owner import Owner
from tests.support.tariff_loads import CLOSED, FLAT, NOW, charges, loader, prices, rates
from warehouse import owner_inputs
from warehouse.lake import Lake
from warehouse.owner_damage import damages


@pytest.fixture
def lake(tmp_path):
    with Lake(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def load(lake, tmp_path):
    """Give a function that loads a text as a file."""
    return loader(lake, tmp_path)


@pytest.fixture
def owner(tmp_path):
    """Give an owner without a data folder."""
    return Owner(tmp_path, {"COLUMNS": "80"}, token=None)


@pytest.fixture
def flat(tmp_path):
    path = tmp_path / "flat.toml"
    path.write_text(CLOSED)
    return path


def test_the_lost_copy_of_a_replaced_file_does_not_hold_up_newer_prices(lake, load, caplog):
    for pence in ("20.0", "40.0"):
        load(CLOSED.replace("25.0", pence))
    (lake.folder / "owner" / "tariff_files" / "flat" / "1-flat.toml").unlink()
    load(CLOSED.replace("25.0", "60.0"))
    assert prices(lake) == {("flat", 60.0, 15.0): 31 * 48}
    assert [row["is_current"] for row in read_loads(lake.folder)] == [False, False, True]
    assert (caplog.text, damages(lake.folder)) == ("", [])


def test_only_what_a_lost_copy_is_needed_for_stays(lake, load, caplog):
    load(CLOSED)
    (lake.folder / "owner" / "tariff_files" / "flat" / "1-flat.toml").unlink()
    load(rates(30.0), "import.json", "flat", direction="import")
    found = prices(lake)
    assert (found["flat", 30.0, 15.0], found["flat", 25.0, 15.0]) == (31 * 48, 0)
    assert charges(lake) == {("flat", 50.0): 31}
    assert "The prices of tariff flat stay as they were" in caplog.text
    assert [row["is_current"] for row in read_loads(lake.folder)] == [True, True]
    caplog.clear()
    load(rates(12.0), "export.json", "flat", direction="export")
    load(rates(60.0), "standing.json", "flat", direction="standing-charge")
    assert set(prices(lake)) == {("flat", 30.0, 12.0)}
    assert set(charges(lake)) == {("flat", 60.0)}
    assert [row["is_current"] for row in read_loads(lake.folder)] == [False, True, True, True]
    assert damages(lake.folder) == []


@pytest.mark.parametrize("harm", ["removed", "changed", "without options"])
def test_loading_a_file_again_restores_its_copy(lake, load, harm):
    load(FLAT)
    before = prices(lake)
    copy = lake.folder / "owner" / "tariff_files" / "flat" / "1-flat.toml"
    if harm == "changed":
        copy.write_text("x")
    elif harm == "removed":
        copy.unlink()
    else:
        copy.with_name("1.options.json").write_bytes(b"\xff")
    later = NOW + timedelta(days=400)
    renew_prices(lake, later)
    assert prices(lake) == before
    load(FLAT, now=later)
    assert damages(lake.folder) == []
    assert prices(lake)["flat", 25.0, 15.0] > before["flat", 25.0, 15.0]
    assert not load(FLAT, now=later).warnings
    assert copy.read_text() == FLAT


def test_a_tariff_whose_removal_failed_can_be_forgotten_again(lake, load):
    load(FLAT)
    use_tariff(lake, "flat", date(2025, 1, 1), None)
    folder = lake.folder / "owner" / "tariff_files" / "flat"
    moved = folder.rename(lake.folder / "moved")
    folder.symlink_to(moved)
    with pytest.raises(OSError, match="symbolic link"):
        forget_tariff(lake, "flat", NOW)
    assert [row["tariff"] for row in read_loads(lake.folder)] == ["flat"]
    folder.unlink()
    forget_tariff(lake, "flat", NOW)
    assert (read_loads(lake.folder), prices(lake), charges(lake)) == ([], {}, {})
    assert owner_inputs.read(lake.folder, "tariffs_in_force").num_rows == 0


@pytest.mark.parametrize("left", ["copies", "in force"])
def test_what_is_left_of_a_tariff_can_be_forgotten(lake, load, left):
    load(FLAT)
    use_tariff(lake, "flat", date(2025, 1, 1), None)
    (lake.folder / owner_inputs.file_name("tariffs")).unlink()
    folder = lake.folder / "owner" / "tariff_files" / "flat"
    if left == "copies":
        (lake.folder / owner_inputs.file_name("tariffs_in_force")).unlink()
    else:
        shutil.rmtree(folder)
    forget_tariff(lake, "flat", NOW)
    assert owner_inputs.read(lake.folder, "tariffs_in_force").num_rows == 0
    assert not folder.exists()
    assert prices(lake) == {}
    with pytest.raises(TariffError, match="No tariff 'flat' is loaded"):
        forget_tariff(lake, "flat", NOW)


@pytest.mark.slow_but_first
@pytest.mark.parametrize("answer", ["n\n", ""])
def test_nothing_is_forgotten_without_a_yes(owner, flat, monkeypatch, answer):
    assert owner.givlake("tariffs", "load", flat).status == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    done = owner.givlake("tariffs", "forget", "flat")
    assert done.status == 1
    assert done.err.splitlines()[-1] == "givlake: Nothing was removed; --yes does not ask."
    assert len(owner.sql("FROM tariffs")) == 1
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert owner.givlake("tariffs", "forget", "flat").status == 0


@pytest.mark.slow
def test_a_tariff_is_loaded_beside_damaged_tariffs_in_force(owner, flat):
    assert owner.givlake("tariffs", "load", flat).status == 0
    assert owner.givlake("tariffs", "use", "flat", "--from", "2025-01").status == 0
    path = owner.data / "owner" / "tariffs_in_force.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    flat.write_text(CLOSED.replace("25.0", "26.0"))
    done = owner.givlake("tariffs", "load", flat)
    assert (done.status, len(read_loads(owner.data))) == (0, 2)
    assert done.out.endswith("say from when: givlake tariffs use flat --from DATE\n")
    assert owner.givlake("tariffs", "load", flat).status == 0


@pytest.mark.slow
def test_columns_of_money_have_the_currency_of_the_loaded_tariffs(owner, flat):
    columns = "SELECT column_name AS name FROM (DESCRIBE cost_daily) WHERE name LIKE 'saved%'"
    for currency in ("EUR", "GBP"):
        flat.write_text(f'currency = "{currency}"\n{CLOSED}')
        assert owner.givlake("tariffs", "load", flat).status == 0
        assert owner.sql(columns) == [{"name": f"saved_{currency.lower()}"}]
        assert owner.givlake("tariffs", "forget", "flat", "--yes").status == 0
        assert owner.sql(columns) == [{"name": "saved_gbp"}]
