"""Time limits that end only what hangs: no test waits so long on any machine."""

from givenergy.transport import Timeouts

TIMEOUT_S = 600.0

# A request that is cut off counts twice.
PATIENT = Timeouts(connect_s=TIMEOUT_S, read_s=TIMEOUT_S, total_s=TIMEOUT_S)
