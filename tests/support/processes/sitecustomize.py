"""Gives every Python process that a test starts the clock of the tests.

Python imports this by itself, as the folder is in `PYTHONPATH`. Of an error it would tell in a
line and go on at the machine's time: so the process ends here.
"""

import os
import sys

_SHIFT = os.environ.get("TEST_CLOCK_SHIFT_S")

if _SHIFT:
    try:
        from moved_clock import CLOCK

        CLOCK.move(float(_SHIFT))
    except Exception as error:
        sys.stderr.write(f"The tests' clock cannot be started in this process: {error!r}\n")
        sys.stderr.flush()
        os._exit(70)
