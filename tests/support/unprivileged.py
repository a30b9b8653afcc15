"""Run code in a separate process, which may drop its privileges."""

import os
import subprocess
import sys

import pytest

# The user id of `nobody`.
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
_CODE = """
import os, resource, sys
from warehouse.catalogue import publish
from warehouse.connection import connect
from warehouse.errors import StoreError
from warehouse.index.watermarks import pending_responses
from warehouse.lake import Lake
from warehouse.read_only import ReadOnlyLake
from warehouse.tables.build import build
from tests.support.toy_decoder import ToyDecoder, answer, day_rows
from datetime import date
day = date(2025, 6, 1)
def become_nobody():
    if os.getuid() == 0:
        os.setuid({nobody})
{body}
"""


def run_apart(body: str) -> str:
    """Run statements in a separate process and return what they print.

    Args:
        body: The statements. What a data folder needs and the toy dataset are imported;
            `become_nobody()` drops the privileges of root.

    Returns:
        The standard output, without white space around it.
    """
    code = _CODE.format(body=body, nobody=NOBODY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
