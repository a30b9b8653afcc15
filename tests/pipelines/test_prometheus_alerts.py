"""The alerts for Prometheus: they are about metrics that there are, and fire when they should."""

import re
import shutil
import subprocess

import pytest
import yaml

from pipelines.cli.help_texts import help_texts
from pipelines.health.metrics import METRICS
from tests.support.import_graph import REPOSITORY
from warehouse.coverage import State

ALERTS = REPOSITORY / "deploy" / "prometheus" / "alerts.yaml"
CASES = ALERTS.with_name("alerts.test.yaml")
PROMTOOL = shutil.which("promtool")


def test_alerts_are_about_metrics_that_there_are():
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    known = {f"givlake_{name}" for name in METRICS}
    for rule in group["rules"]:
        named = {*re.findall(r"givlake_\w+", rule["expr"])}
        assert named, rule["alert"]
        assert named <= known
        # A sum by labels loses instance and job, and so matches no other metric.
        assert " by (" not in rule["expr"] or len(named) == 1, rule["alert"]
        commands = re.findall(r"givlake --account {{ \$labels.account }} (\w+)", str(rule))
        assert {*commands} <= {*help_texts()["commands"]}
    states = {*re.findall(r"[a-z_]+", re.findall(r'state=~"(.+?)"', ALERTS.read_text())[0])}
    assert states <= {str(state) for state in State}


@pytest.mark.skipif(PROMTOOL is None, reason="needs promtool")
@pytest.mark.parametrize("words", [("check", ALERTS), ("test", CASES)], ids=("check", "test"))
def test_prometheus_accepts_the_alerts_and_fires_them(words):
    action, file = words
    done = subprocess.run(
        [str(PROMTOOL), action, "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
