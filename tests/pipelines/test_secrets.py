"""The token is nowhere: neither in what is said nor in any file, whatever the API says back."""

import json
from datetime import date

import pytest

from simulator import TokenGrant
from tests.support.file_content import contents

TOKEN = "sesame-0123456789abcdef-sesame"
RANGE = ("--start", date(2025, 6, 1), "--end", date(2025, 6, 2))


@pytest.mark.slow
@pytest.mark.processes
def test_the_token_is_in_no_file_and_in_no_output_even_if_the_api_repeats_it(simulate, own):
    sim = simulate(inverters=2, tokens=(TokenGrant(TOKEN),))
    owner = own(sim, GIVLAKE_LOG_LEVEL="DEBUG")
    echo = json.dumps({"message": f"Bearer {TOKEN} met a fault"}).encode()
    # The fault of one day passes, and what the token may do ends on the next.
    sim.override("/data-points/2025-06-02", echo, status=500)
    sim.override(f"/{sim.serials[0]}/data-points/2025-06-01", echo, status=403)
    sim.override(f"/{sim.serials[1]}/data-points/2025-06-01", b"<html>" + echo)
    said = [
        owner.process("backfill", *RANGE),
        owner.givlake("status"),
        owner.givlake("status", "--format", "json"),
        owner.givlake("doctor"),
        owner.givlake("query", "FROM requests"),
    ]
    assert said[0].status == 1
    assert "met a fault" in said[0].out
    assert all(TOKEN not in done.output for done in said)

    files = [file for file in owner.data.rglob("*") if file.is_file()]
    assert any("dagster" in file.parts for file in files)
    assert any(b"met a fault" in contents(file) for file in files if "archive" in file.parts)
    assert [file for file in files if TOKEN.encode() in contents(file)] == []
