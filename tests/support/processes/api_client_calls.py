"""Call every reading method of givenergy-api-client, and print the outcome of each as JSON.

Run by a Python that has the client and needs nothing else. Only the client's address is changed.
The input is JSON: address, token, the devices and a span of time.
"""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from givenergy_api_client import GivenergyAPIClient
from pydantic import BaseModel, ValidationError


def main() -> None:
    """Make the calls."""
    given = json.load(sys.stdin)
    client = GivenergyAPIClient(given["token"])
    client._base_url = given["address"]
    span = [datetime.fromisoformat(given[name]) for name in ("start", "end")]
    json.dump({name: _outcome(call) for name, call in _calls(client, given, *span)}, sys.stdout)


def _calls(client: Any, given: Any, start: datetime, end: datetime) -> Any:
    yield "account", client.account().get
    yield "list_ev_chargers", client.list_ev_chargers
    yield "communication_devices", client.get_communication_devices
    for serial in given["devices"]:
        yield (
            f"communication_device {serial}",
            partial(client.get_communication_device, serial_number=serial),
        )
    for serial in given["serials"]:
        flows = partial(client.inverter(serial).get_energy_flows, start_time=start, end_time=end)
        yield f"health {serial}", client.inverter(serial).get_health
        yield f"energy_flows {serial}", flows
        yield f"presets {serial}", client.inverter_preset(serial).list_presets
    for serial in given["ems"]:
        yield f"ems {serial}", client.ems(serial).get_latest
    for uuid in given["chargers"]:
        charger = client.ev_charger(uuid)
        yield f"ev_charger {uuid}", charger.get
        meters = partial(charger.get_meter_data, measurands=["13"], meter_ids=["0"])
        yield f"meter_data {uuid}", partial(meters, start_time=start, end_time=end)
        yield f"commands {uuid}", charger.list_commands
        yield f"sessions {uuid}", charger.list_sessions
        for command in ("change-mode", "set-plug-and-go"):
            yield f"command {uuid} {command}", partial(charger.get_command, command_id=command)


def _outcome(call: Callable[[], Any]) -> dict[str, Any]:
    """Return what a call returns, or the fields that the client's own models refuse."""
    try:
        value = call()
    except ValidationError as error:
        return {
            "invalid": sorted([[*each["loc"], each["type"]] for each in error.errors()], key=str)
        }
    except Exception as error:
        return {"error": type(error).__name__}
    return {"value": _plain(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return [_plain(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
