"""A simulated GivEnergy Cloud API: a real HTTP server on loopback, at least as strict.

It is the other end of every test and the default of the demo. It shares no code with the client, so
that a misunderstanding in one is not hidden by the other. All generated data is derived from a
seed.

In a test:

    from simulator import Simulator, SimulatorConfig

    with Simulator(SimulatorConfig(inverters=3, seed=7, rate_window_s=2)) as sim:
        client = ...(sim.base_url, sim.token)
        sim.fail(r"/data-points/2025-06-01", fault="reset", times=2)
        ...
        assert rows == sim.truth(sim.serials[0], "2025-06-01")
        assert sim.stats()["limited"] == 0 and sim.commands_received == 0

As a process, controlled from another one:

    python -m simulator --port 8099 --faults 5xx=0.02,reset=0.01
    Control("http://127.0.0.1:8099").stats()        # simulator.control

Like the real API (contract and recordings): the fixed window of the rate limit starts with the
account's first request and counts every request on arrival, refused and failed ones too; endpoints
with a limit of their own count separately; requests without a valid token count against a budget
per address. Lists have 15 rows per page by default; `links` omit `pageSize`; a page past the end is
empty. A request without `Accept: application/json` gets an HTML page with status 200. Data points
are selected by local day, for a Gateway by UTC day.

What goes wrong: transport faults by rate or on demand (`simulator.http.faults.KINDS`), anomalies in
the content by rate (`simulator.world.anomalies.ALL_KINDS`), and always a few irregularities that
recordings show: repeated times, null leaves, a counter that steps back, gaps, late rows, days
without data.

Order of checks for a request: route, budget (429), choice of a fault; `Accept`, token (401),
subscription (402), route (404, 405), scope and account type (403), override, endpoint (403, 404,
422); then the fault is applied to the response.

An account is one house: its cars charge behind its meter, batteries and panels age, and in cheap
hours cars and batteries charge. `sim.energies(…)`, `sim.battery_kwh(…)` and `sim.charged(…)` tell
what is true in it.

The rows of a listing can be read and replaced by name: `sim.truth_of("charging-sessions", uuid)`,
`sim.set_listing(…)`. An account's lists take its id as text.

Modules: `config` settings; `simulator_server` the server; `simulation` and `household_truth` the
Python API; `api` the steps of a request; `endpoints` one module each, with its rows; `framework`
what they are built of; `world` what exists and is measured; `http` the wire; `control_api` and
`control` the Python API over HTTP; `command_line`.
"""

from simulator.config import SimulatorConfig, TokenGrant
from simulator.simulator_server import Simulator

__all__ = ["Simulator", "SimulatorConfig", "TokenGrant"]
