"""Run code in a separate process, which may drop its privileges."""

import subprocess
import sys

_CODE = """
import os, resource, sys
import warehouse
from tests.support.toy_decoder import ToyDecoder, answer, day_rows
from datetime import date
day = date(2025, 6, 1)
{body}
"""


def run_apart(body: str) -> str:
    """Run statements with `warehouse` and the toy dataset imported; return their output."""
    code = _CODE.format(body=body)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
