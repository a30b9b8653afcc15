"""Examples of the API document and recorded responses; tests are skipped where they are absent."""

import json
import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("GIVLAKE_SHARED", Path(__file__).parents[3] / "shared"))
CONTRACT = SHARED / "api" / "givenergy-api-v1.26.txt"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="API document and recordings are absent"
)

# Shortened lists end with an ellipsis; energy flows have objects in square brackets.
_REPAIRS = (
    ("},\n...\n]", "}\n]"),
    ('[\n"start_time"', '[{"start_time"'),
    ('[\n"0"', '{"0"'),
    ("],\n...\n]", "}}]"),
    (",\n}", "\n}"),
)


def example(title):
    """Return the API document's example response of an endpoint, repaired where it is not JSON."""
    text = CONTRACT.read_text()
    start = text.index("Example response (200):", text.index(f"\n{title}\n"))
    printed = text[text.index("{", start) : text.index("Received response:", start)]
    for broken, repaired in _REPAIRS:
        printed = printed.replace(broken, repaired)
    return json.loads(printed)


def recorded(name):
    """Return a recorded response; an envelope is added where the recording has none."""
    content = json.loads((SHARED / "samples" / f"{name}.json").read_text())
    return content if isinstance(content, dict) and "data" in content else {"data": content}


# What version 1.35 adds, with all leaves that its document prints; the values are invented.
METER_ROW = {
    "time": "2025-07-01T23:10:00.000000Z",
    **{"voltage_1": 241.5, "voltage_2": 242.5, "voltage_3": 243.5},
    **{"current_1": 3.25, "current_2": 3.5, "current_3": 3.75},
    **{"current_ln": 0.25, "current_total": 10.5},
    **{"active_power_1": -780, "active_power_2": -770, "active_power_3": -760},
    **{"active_power_total": -2310, "reactive_power_1": 40, "reactive_power_2": 41},
    **{"reactive_power_3": 42, "reactive_power_total": 123},
    **{"apparent_power_1": 785, "apparent_power_2": 775, "apparent_power_3": 765},
    **{"apparent_power_total": 2325, "power_factor_1": -0.99, "power_factor_2": -0.98},
    **{"power_factor_3": -0.97, "power_factor_total": -0.96, "frequency": 49.98},
    **{"import_active_energy": 1234.5, "export_active_energy": 67.8},
    **{"import_reactive_energy": 12.5, "export_reactive_energy": 3.5},
    **{"active_energy_net": 1166.7, "active_energy_total": 1302.3},
}
PRESET = {
    "id": 1,
    "identifier": "timed-charge",
    "name": "Timed Charge",
    "description": "Charge between two times",
    "parameters": {"enabled": {"description": "On or off", "validation": ["boolean"]}},
}
PRESET_VALUES = {
    "enabled": True,
    "slots": [{"start_time": "00:00", "end_time": "06:00", "percent_limit": 50}],
}
# By dataset, examples of responses that the document of version 1.26 does not have.
LATER_EXAMPLES = {
    "inverter_grid_meter_readings": {"data": [METER_ROW]},
    "inverter_presets": {"data": [PRESET]},
    "inverter_preset_values": {"data": PRESET_VALUES},
}
