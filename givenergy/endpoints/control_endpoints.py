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

# What a preset is set to at present, as the platform knows it: the inverter is sent no command.
INVERTER_PRESET_VALUES = Endpoint(
    name="inverter_preset_values",
    method="GET",
    path="/inverter/{inverter}/presets/{preset}",
    scope="api:inverter:control",
    single=True,
    since="1.35",
)

INVERTER_SETTINGS = Endpoint(
    name="inverter_setting_definitions",
    method="GET",
    path="/inverter/{inverter}/settings",
    scope="api:inverter:control",
    is_list=True,
)
