"""What a person reads when something is wrong, and the exit status."""

import shlex
import socket
from dataclasses import dataclass, field

import pytest

from simulator import TokenGrant

ALL_SCOPES = ["api:account:read", "api:inverter:list", "api:inverter:read", "api:inverter:data"]
RANGE = "--start 2025-06-01 --end 2025-06-02"


@dataclass(frozen=True)
class Case:
    """A command line, settings that differ, and what it must come to."""

    name: str
    command: str
    status: int
    says: str
    settings: dict[str, str] = field(default_factory=dict)
    without_scope: str = ""


# Run as processes, one for each exit status and kind of output; the others call what the console
# script calls.
PROCESSES = {"wrong token", "no day", "broken SQL"}


def data(folder: str) -> dict[str, str]:
    return {"GIVLAKE_DATA": folder}


CASES = [
    Case(
        "no token",
        f"backfill {RANGE}",
        2,
        "GIVENERGY_API_TOKEN is not set",
        {"GIVENERGY_API_TOKEN": ""},
    ),
    Case(
        "pasted with Bearer",
        f"backfill {RANGE}",
        2,
        "without the word Bearer",
        {"GIVENERGY_API_TOKEN": "Bearer sesame-sesame"},
    ),
    Case(
        "wrong token",
        f"backfill {RANGE}",
        1,
        "The API does not accept the token (401",
        {"GIVENERGY_API_TOKEN": "wrong-sesame"},
    ),
    Case(
        "wrong token, doctor",
        "doctor",
        1,
        "The API does not accept the token (401",
        {"GIVENERGY_API_TOKEN": "wrong-sesame"},
    ),
    Case(
        "no scope for the account",
        f"backfill {RANGE}",
        0,
        "2 device-days complete",
        without_scope="api:account:read",
    ),
    Case(
        "no scope for the list",
        f"backfill {RANGE}",
        1,
        "It needs the scope api:inverter:list",
        without_scope="api:inverter:list",
    ),
    Case(
        "no scope for the data",
        f"backfill {RANGE}",
        1,
        "It needs the scope api:inverter:data",
        without_scope="api:inverter:data",
    ),
    Case(
        "no scope for the data, doctor",
        "doctor",
        1,
        "It needs the scope api:inverter:data",
        without_scope="api:inverter:data",
    ),
    Case("no subscription", f"backfill {RANGE}", 1, "It needs a GivEnergy Premium subscription"),
    Case(
        "nobody there",
        f"backfill {RANGE}",
        1,
        "The host refuses the connection",
        {"GIVENERGY_API_URL": "http://127.0.0.1:CLOSED/v1"},
    ),
    Case(
        "nobody there, doctor, which does not wait",
        "doctor",
        1,
        "The host refuses the connection",
        {"GIVENERGY_API_URL": "http://127.0.0.1:CLOSED/v1", "GIVLAKE_RETRY_S": "600"},
    ),
    Case(
        "unencrypted",
        f"backfill {RANGE}",
        2,
        "use https",
        {"GIVENERGY_API_URL": "http://api.example.org/v1"},
    ),
    Case("data folder is a file", f"backfill {RANGE}", 2, "GIVLAKE_DATA is", data("a-file")),
    Case("data folder below a file", "status", 2, "GIVLAKE_DATA is", data("a-file/data")),
    Case("data folder is a file, doctor", "doctor", 2, "GIVLAKE_DATA is", data("a-file")),
    Case(
        "data folder cannot be made",
        f"backfill {RANGE}",
        2,
        "GIVLAKE_DATA is",
        data("/proc/givlake"),
    ),
    Case("no data folder", "query 'SHOW TABLES'", 2, "No data in", data("/proc/givlake")),
    Case(
        "time zone",
        "status",
        2,
        "GIVLAKE_TIMEZONE is 'Mars/Olympus': use the name",
        {"GIVLAKE_TIMEZONE": "Mars/Olympus"},
    ),
    Case(
        "level",
        "status",
        2,
        "GIVLAKE_LOG_LEVEL is 'LOUD': use one of",
        {"GIVLAKE_LOG_LEVEL": "LOUD"},
    ),
    Case(
        "retries",
        "status",
        2,
        "GIVLAKE_RETRY_S is '-1': use a whole number",
        {"GIVLAKE_RETRY_S": "-1"},
    ),
    Case(
        "polls",
        "status",
        2,
        "GIVLAKE_POLL_MINUTES is '7': use a divisor of 60: 1, 2, 3",
        {"GIVLAKE_POLL_MINUTES": "7"},
    ),
    Case(
        "dataset that is not to run",
        "plan",
        2,
        "GIVLAKE_DATASETS is not valid: Unknown dataset 'everything': choose from",
        {"GIVLAKE_DATASETS": "-everything"},
    ),
    Case(
        "start after end",
        "backfill --start 2025-06-03 --end 2025-06-01",
        2,
        "The start 2025-06-03 is after the end 2025-06-01",
    ),
    Case("start in the future", "backfill --start 2999-01-01", 2, "is in the future"),
    Case("no day", "backfill --start 01/06/2025", 2, "'01/06/2025' is not a day"),
    Case("no day of that month", "plan --end 2025-02-30", 2, "'2025-02-30' is not a day"),
    Case("a week for a day", "plan --start 2025-W22-7", 2, "'2025-W22-7' is not a day"),
    Case(
        "dataset",
        f"backfill {RANGE} --dataset everything",
        2,
        "Unknown dataset 'everything': choose from account_children",
    ),
    Case(
        "dataset, rebuild",
        "rebuild --dataset ../x",
        2,
        "Unknown dataset '../x': choose from",
    ),
    Case(
        "device",
        f"backfill {RANGE} --device XZ9999Z999",
        2,
        "Unknown device 'XZ9999Z999': the account has XA0000G000",
    ),
    Case("device ..", f"backfill {RANGE} --device ../../x", 2, "Unknown device '../../x'"),
    Case("device '", f'backfill {RANGE} --device "a\'b"', 2, 'Unknown device "a\'b"'),
    Case(
        "device with a command to the terminal",
        f"backfill {RANGE} --device 'a\x1b[31m\x07'",
        2,
        r"Unknown device 'a\x1b[31m\x07'",
    ),
    Case("option", "backfill --everything", 2, "No such option '--everything'"),
    Case("command", "everything", 2, "There is no command 'everything'"),
    Case("broken SQL", "query 'SELEC 1'", 2, "DuckDB rejected the query: Parser Error"),
    Case("unknown table", "query 'FROM nowhere'", 2, "Table with name nowhere does not exist"),
    Case("query that detaches", "query 'USE memory; DETACH warehouse'", 0, ""),
    Case("query that writes", "query 'CREATE TABLE x(y int)'", 2, "read-only"),
    Case(
        "query that fails while it runs",
        "query --format csv \"SELECT error('sand')\"",
        2,
        "DuckDB rejected the query: Invalid Input Error: sand",
    ),
]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=case.name,
            marks=[pytest.mark.processes, pytest.mark.slow] if case.name in PROCESSES else [],
        )
        for case in CASES
    ],
)
def test_messages_and_exit_status(case, simulate, own):
    scopes = frozenset(ALL_SCOPES) - {case.without_scope}
    sim = simulate(
        inverters=1,
        tokens=(TokenGrant("open-sesame", 1, scopes),),
        subscription=case.name != "no subscription",
    )
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = str(closed.getsockname()[1])
        settings = {name: text.replace("CLOSED", port) for name, text in case.settings.items()}
        owner = own(sim, **settings)
        (owner.folder / "a-file").write_text("")
        run = owner.process if case.name in PROCESSES else owner.givlake
        done = run(*shlex.split(case.command))
    assert done.status == case.status, done
    assert case.says in done.output
    assert "Traceback" not in done.output
    assert "sesame" not in done.output
    assert all(character.isprintable() or character == "\n" for character in done.output)
    if case.status:
        complaint = [line for line in done.output.splitlines() if case.says in line]
        assert len(complaint) == 1, done
