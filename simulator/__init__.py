"""The GivEnergy Cloud API in miniature: a real HTTP server on loopback, at least as strict.

It is the other end of every test and the default of the demo. It is written apart from the client
(it imports nothing of it, nor the other way round), so an error of understanding in one does not
hide in the other. Everything that it invents follows from a seed.

In a test::

    from simulator import Simulator, SimulatorConfig

    with Simulator(SimulatorConfig(inverters=3, seed=7, rate_window_s=2)) as sim:
        client = ...(sim.base_url, sim.token)
        sim.fail(r"/data-points/2025-06-01", fault="reset", times=2)
        ...
        assert rows == sim.truth(sim.serials[0], "2025-06-01")
        assert sim.stats()["limited"] == 0 and sim.commands_received == 0

By itself, and looked into from another process::

    python -m simulator --port 8099 --faults 5xx=0.02,reset=0.01
    Control("http://127.0.0.1:8099").stats()        # simulator.control

What it does as the real API does (contract and recordings): the fixed window of the rate limit
begins with the account's first request and counts every request when it arrives, refused and
failed ones too; endpoints with a limit of their own count apart; strangers without a valid token
spend from a budget per address. Lists have 15 rows a page unless asked otherwise; ``links`` drop
``pageSize``; a page past the end is empty. A request without ``Accept: application/json`` gets an
HTML page with status 200. Data points come by local day, for a Gateway by UTC day.

What goes wrong: faults of the transport by rate or by order (``simulator.faults.KINDS``), odd
content by rate (``simulator.odd.KINDS``), and always a little of what recordings show: repeated
times, null leaves, a counter that steps back, gaps, late rows, days without data.

Order of decisions for a request: route, budget (429), fault chosen; ``Accept``, token (401),
subscription (402), route (404, 405), scope and account type (403), override, endpoint (403, 404,
422); then the fault spoils what was found.

What a listing holds can be asked for and replaced by name: ``sim.truth_of("charging-sessions",
uuid)``, ``sim.set_listing(…)``. Lists of an account go by its id as a text.

Modules: ``config`` settings; ``simulator`` the Python API; ``api`` a request's way; ``endpoints``
one module each; ``listings`` the rows behind them by name, ``…_rows`` those of one kind;
``world``, ``accounts``, ``devices``, ``ev_chargers``, ``smart_devices`` who exists; ``path_days``,
``points``, ``energy``, ``households``, ``readings``, ``flow_energy``, ``energy_flows``,
``ev_sessions``, ``ev_commands``, ``local_time``, ``noise`` what was
measured and set; ``odd``, ``ev_odd``, ``faults`` what goes wrong; ``rate_limit`` windows;
``paging``, ``answers``, ``http_*`` the wire; ``request_log`` what was asked; ``control_api``,
``control`` the same over HTTP; ``command_line``.
"""

from simulator.config import SimulatorConfig, TokenGrant
from simulator.simulator import Simulator

__all__ = ["Simulator", "SimulatorConfig", "TokenGrant"]
