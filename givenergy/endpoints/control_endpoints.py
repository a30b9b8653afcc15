"""What an inverter can be set to: presets and settings (API documentation, Inverter Control).

Only what reads; whatever changes a setting or makes an inverter act is left out. To read the value
of a setting the platform asks the inverter: a client sends these two requests only if it was opened
for them (`asks_device`).
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

SETTING_READ = Endpoint(
    name="inverter_setting_values",
    method="POST",
    path="/inverter/{inverter}/settings/{setting}/read",
    scope="api:inverter:control",
    single=True,
    asks_device=True,
    numbers=frozenset({"setting"}),
)

MULTI_SETTING_READ = Endpoint(
    name="multi_setting_values",
    method="POST",
    path="/multi-control/read",
    scope="api:inverter:control",
    enveloped=False,
    asks_device=True,
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
