"""What an inverter can be set to: presets and settings (API documentation, Inverter Control).

Only what reads; whatever changes a setting or makes an inverter act is left out.
"""

from __future__ import annotations

from givenergy.endpoints.definition import Endpoint

INVERTER_PRESETS = Endpoint(
    name="inverter_presets",
    method="GET",
    path="/inverter/{inverter}/presets",
    scope="api:inverter:control",
    is_list=True,
)

INVERTER_SETTINGS = Endpoint(
    name="inverter_setting_definitions",
    method="GET",
    path="/inverter/{inverter}/settings",
    scope="api:inverter:control",
    is_list=True,
)
