"""What Dagster loads: `dagster dev -m pipelines.definitions`."""

from pipelines.definitions_factory import build_definitions
from pipelines.settings import load_settings

defs = build_definitions(load_settings())
