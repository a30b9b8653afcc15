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

# Named sets of presets. The scope is assumed.
PRESET_PROFILES = Endpoint(
    name="preset_profiles",
    method="GET",
    path="/inverter/{inverter}/preset-profile",
    scope="api:inverter:control",
    since="1.53",
    enveloped=False,
)
