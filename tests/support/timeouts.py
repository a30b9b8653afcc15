"""Time limits for tests that hang; a test that works never takes this long."""

from givenergy.transport import Timeouts

TIMEOUT_S = 600.0

# A request that the client aborts counts twice.
PATIENT = Timeouts(connect_s=TIMEOUT_S, read_s=TIMEOUT_S, total_s=TIMEOUT_S)
