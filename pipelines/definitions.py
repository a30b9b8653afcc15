"""The definitions that Dagster loads: the module `pipelines.definitions`.

The settings are read once, when the process loads this module.
"""

from pipelines.definitions_factory import build_definitions
from pipelines.settings import load_settings

defs = build_definitions(load_settings())
