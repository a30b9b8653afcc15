"""What `make bench` makes of its measurements: slopes, sections, pictures without paths."""

import xml.etree.ElementTree as ET

import pytest

from benchmarks.peers.compare import DOCUMENT, merged
from benchmarks.peers.dagster_cost import ms_per_day
from benchmarks.peers.flame_picture import Frame, flames
from benchmarks.peers.growth import grown
from benchmarks.peers.growth_picture import Panel, apart, around, picture, ticks
from benchmarks.peers.slopes import exponent, per_unit
from benchmarks.peers.targets import target_table, write_targets
from benchmarks.peers.work import FLOWS, READINGS, Task, has_next, rows_of, tasks

SVG = "{http://www.w3.org/2000/svg}"
WORK = {
    "first": "2025-06-01",
    "last": "2025-06-03",
    "commissioned": "2024-05-01",
    "today": "2025-06-05",
    "serials": ["AA0001A001", "AA0002A002"],
    "chargers": ["charger"],
    "measurands": [1],
    "meters": [0],
}


def test_the_slope_of_a_line_is_its_cost_per_unit_whatever_the_start_costs():
    assert per_unit([20, 100], [3.4, 4.2]) == pytest.approx(0.01)
    assert per_unit([1, 10, 100], [2.005, 2.05, 2.5]) == pytest.approx(0.005)


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_the_exponent_is_that_of_what_is_above_the_first_size(power):
    sizes = [1, 11, 101, 1001]
    costs = [0.1 + 0.01 * (size - 1) ** power for size in sizes]
    assert exponent(sizes, costs) == pytest.approx(power)


def test_what_hardly_grows_has_no_exponent():
    assert exponent([1, 10, 100], [1.0, 1.19, 1.4]) is None
    assert grown("status", [1, 10, 101], [1.0, 1.05, 1.4])[-2:] == ["3.9", "-"]


def test_dagster_is_charged_by_the_slope_of_the_least():
    cpu_s = {"with\x0020": [9.0, 2.2, 2.5], "with\x00100": [3.0, 3.1, 3.3]}
    assert ms_per_day(cpu_s, "with", (20, 100)) == pytest.approx(10.0)


def test_a_comparison_leaves_growth_as_it_was_and_growth_the_comparison():
    both = "# Costs\n\nnew\n\n## How cost grows\n\nold\n"
    assert merged("# Costs\n\nold\n\n## How cost grows\n\nold\n", "# Costs\n\nnew\n\n") == both
    assert merged(both, "## How cost grows\n\nnewer\n\n") == both.replace("old", "newer")
    assert merged("", "# Costs\n") == "# Costs\n"


def test_targets_say_which_are_reached():
    figures = {
        "rebuild": {"now": 19.0},
        "status": {"now": 0.8, "before": 2.0},
        "work_a": {"now": 2.104, "before": 4.2},
    }
    assert target_table(figures).splitlines()[2:] == [
        "| Work A, CPU over the bare loop | 4.9 x | 4.20 x | 2.10 x | 2.00 | ≤ 2.1 x | no |",
        "| `status`, CPU | 2.4 s | 2.00 s | 0.80 s | 2.50 | ≤ 1 s | yes |",
        "| rebuild over fetching at 300 requests a minute | - |  | 19.0 x |  | ≥ 20 x | no |",
    ]


def test_the_table_of_targets_replaces_the_one_in_the_document(tmp_path):
    document = tmp_path / "performance.md"
    document.write_text(DOCUMENT.read_text())
    for table in ("| old |\n", "| new |\n"):
        write_targets(document, table)
    before, after = (text.split("<!--")[0] for text in (DOCUMENT.read_text(), document.read_text()))
    assert before == after
    assert "| new |" in document.read_text()
    assert "| old |" not in document.read_text()
    assert document.read_text().endswith(DOCUMENT.read_text().split("<!--")[-1])


def test_every_peer_has_the_same_requests():
    found = list(tasks(WORK))
    assert [sum(task.table == name for task in found) for name in (FLOWS, READINGS)] == [2, 3]
    assert len(found) == len({(t.path, t.day, t.query.get("cleared")) for t in found}) == 15


def test_rows_have_the_device_and_a_reading_has_a_row_per_measurement():
    readings = Task(READINGS, "charger", None, "")
    row = {"meter_id": 1, "timestamp": "t", "measurements": [{"value": 1}, {"value": 2}]}
    assert rows_of(readings, {"data": [row]}) == [
        {"device": "charger", "meter_id": 1, "timestamp": "t", "value": value} for value in (1, 2)
    ]
    flows = Task(FLOWS, "inverter", None, "")
    assert rows_of(flows, {"data": {"0": {"data": 5}}}) == [{"device": "inverter", "data": 5}]
    assert has_next({"data": [], "meta": {"current_page": 1, "last_page": 2}})
    assert not has_next({"data": []})


def test_the_axes_of_growth_hold_every_cost():
    assert around([1, 100], 4) == (-1, 3)
    assert around([1, 100], 1) == pytest.approx((-0.1, 2.1))
    assert ticks(0, 3, (1,)) == [1, 10, 100, 1000]
    assert ticks(0, 1, (1, 2, 5)) == [1, 2, 5, 10]


def test_labels_do_not_cover_each_other():
    assert [y for y, *_ in apart([(50, "b", ""), (48, "a", ""), (100, "c", "")])] == [48, 62, 100]


def test_growth_is_drawn_with_its_last_cost():
    panel = Panel("CPU, s", "devices", {"plan & more": {1: 1.0, 10: 2.0, 100: 40.0}})
    root = ET.fromstring(picture([panel, panel]))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert texts.count("plan & more: 40") == 2
    assert len(list(root.iter(f"{SVG}circle"))) == 6


STACKS = """\
process 7:/srv/a/.venv/bin/python;_run_code (<frozen runpy>:88);main (pipelines/cli/__init__.py:2);\
Command.main (click/core.py:1);Command.invoke (click/core.py:2);sync (/srv/a/pipelines/run.py:3);\
<module> (/opt/b/.venv/lib/python3.11/site-packages/dagster/__init__.py:4);\
_find_and_load (<frozen importlib._bootstrap>:5);<module> (dagster/components.py:6) 6
main (pipelines/cli/__init__.py:2);loads (json/decoder.py:9) 4
process 7:/srv/a/.venv/bin/python 90
main (threading.py:1);_read (pipelines/stop_signals.py:101) 90
_beat (givenergy/heartbeat.py:1);Event.wait (threading.py:3);Condition.wait (threading.py:4) 90
"""


def test_frames_of_a_package_are_one_and_samples_without_frames_are_left_out():
    whole = Frame.of(STACKS)
    assert whole.samples == 10
    (main,) = whole.callees.values()
    assert (main.label, main.samples) == ("main (pipelines.cli)", 10)
    click, loads = main.callees.values()
    assert (click.label, loads.label) == ("click: Command.main", "Python: loads")
    (run,) = click.callees.values()
    assert [one.label for one in run.callees.values()] == ["import dagster"]


def test_a_flame_graph_names_no_folder_of_the_machine():
    text = flames("`sync` <before>", Frame.of(STACKS))
    assert not any(folder in text for folder in ("/srv", "/opt", "python3.11"))
    titles = [element.text for element in ET.fromstring(text).iter(f"{SVG}title")]
    assert "import dagster: 60.0%" in titles
