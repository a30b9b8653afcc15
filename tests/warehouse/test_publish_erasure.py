"""Erasure of a device from published tables: complete, or said to be incomplete."""

from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from tests.support.published import objects, publish_toys, published_rows
from tests.support.toy_decoder import DAY, OTHER_MONTH, ToyDecoder, answer, day_rows
from warehouse.errors import PublishError, StoreError, TargetError
from warehouse.forget import forget
from warehouse.lake import Lake
from warehouse.publish import delta_log, table_vacuum
from warehouse.publish.delta_target import DeltaTarget
from warehouse.publish.publication import Publishable
from warehouse.publish.published_targets import PublishedTargets
from warehouse.publish.table_publication import TablePublisher
from warehouse.publish.target_erasure import erase_from_targets

_REMOVED = "delta.deletedFileRetentionDuration"


@pytest.fixture
def erase(two_months):
    """Return a function that erases device A from the folder and all its targets."""

    def erase(lake=two_months, decoders=(), device="A"):
        known = [*(decoders or [ToyDecoder()])]

        def elsewhere(_):
            return erase_from_targets(
                lake, lambda url: DeltaTarget(url, {}), "north", Publishable(known)
            )

        return forget(lake, devices=[device], decoders=known, erase_elsewhere=elsewhere)

    return erase


def meters(target):
    return {row["meter"] for row in published_rows(target / "readings", "meter")}


def test_an_erasure_makes_no_target_that_is_away(two_months, target, erase):
    """As a disk that is not mounted: its folder is there, or is not."""
    publish_toys(two_months, target)
    away = target.rename(target.with_name("away"))
    for prepare in (lambda: None, target.mkdir):
        prepare()
        with pytest.raises(PublishError, match="has nothing of what was published to it"):
            erase()
        with pytest.raises(TargetError, match="has nothing of what was published to it"):
            publish_toys(two_months, target)
        assert objects(target) == []
    target.rmdir()
    away.rename(target)
    erase()
    assert meters(target) == {"B"}


def test_one_target_that_fails_does_not_keep_what_is_forgotten_in_another(
    two_months, target, erase, monkeypatch
):
    other = target.with_name("other")
    for place in (target, other):
        publish_toys(two_months, place)
    publish, failed = TablePublisher.publish, []

    def failing(*arguments, **options):
        if not failed:
            failed.append(1)
            raise StoreError("the disk is full")
        return publish(*arguments, **options)

    monkeypatch.setattr(TablePublisher, "publish", failing)
    with pytest.raises(PublishError, match="the disk is full"):
        erase()
    assert sorted([meters(target), meters(other)], key=len) == [{"B"}, {"A", "B"}]
    erase()
    assert (meters(target), meters(other)) == ({"B"}, {"B"})


def test_the_bucket_of_another_store_is_not_taken_for_the_one_published_to(lake):
    def place(host):
        return DeltaTarget("s3://bucket/x", {"AWS_ENDPOINT_URL": f"https://{host}"})

    PublishedTargets(lake).add(place("a"), "north")
    PublishedTargets(lake).refuse_other_store(place("a"))
    with pytest.raises(TargetError, match="in the store https://a, and the variables name https:"):
        publish_toys(lake, place("b"))


def test_an_erasure_adds_no_table_to_a_target(two_months, target, erase):
    decoders = [ToyDecoder(), ToyDecoder(dataset="others")]
    publish_toys(two_months, target, decoders=decoders, only=["readings"])
    two_months.archive.append([answer("B", DAY, day_rows(DAY), dataset="others")])
    erase(decoders=decoders)
    assert [path.name for path in target.iterdir()] == ["readings"]
    assert meters(target) == {"B"}


def test_an_erasure_removes_rows_of_a_table_that_the_folder_never_built(
    two_months, target, erase, tmp_path
):
    publish_toys(two_months, target)
    with Lake(tmp_path / "new") as new:
        new.state.set("published_to", two_months.state.get("published_to"))
        erase(new, device="A")
    assert published_rows(target / "readings") == []
    assert {path.parent.name for path in objects(target)} == {"_delta_log"}


def test_an_erasure_removes_files_of_a_killed_first_publication(
    two_months, target, erase, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(delta_log, "create", _killed)
        with pytest.raises(KeyboardInterrupt):
            publish_toys(two_months, target)
    assert len(objects(target)) == 2
    erase()
    assert objects(target) == []


def _killed(*_, **__):
    raise KeyboardInterrupt


def test_a_killed_erasure_leaves_the_retention_of_files_as_it_was(
    two_months, target, erase, monkeypatch
):
    publish_toys(two_months, target)

    def retention():
        return DeltaTable(target / "readings").metadata().configuration[_REMOVED]

    with monkeypatch.context() as patch:
        patch.setattr(table_vacuum, "_delete", _killed)
        with pytest.raises(KeyboardInterrupt):
            publish_toys(two_months, target, purge=True)
    assert retention() == "interval 7 days"
    delta_log.set_retention(DeltaTable(target / "readings"), is_none=True)
    two_months.archive.append([answer("A", OTHER_MONTH, day_rows(OTHER_MONTH))])
    publish_toys(two_months, target)
    assert retention() == "interval 7 days"


def test_an_erasure_leaves_tables_of_other_programs_as_they_are(two_months, target, erase):
    publish_toys(two_months, target)
    for number in range(2):
        rows = pa.table({"account": ["north"], "number": [number]})
        write_deltalake(str(target / "weather"), rows, mode="append")
    before = {path: path.read_bytes() for path in objects(target / "weather")}
    erase()
    assert {path: path.read_bytes() for path in objects(target / "weather")} == before
    assert meters(target) == {"B"}


def test_a_damaged_log_is_one_sentence_that_names_the_table(two_months, target):
    publish_toys(two_months, target)
    (target / "readings/_delta_log/00000000000000000000.json").write_text("{")
    with pytest.raises(TargetError, match=r"Opening readings in .* failed: ") as caught:
        publish_toys(two_months, target)
    assert "\n" not in str(caught.value)
