"""Settings of a test, independent of this process' environment."""

import os
from collections.abc import Mapping
from unittest.mock import patch

from pipelines.settings import Settings, load_settings
from pipelines.settings_file import ENV_FILE


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Read settings from an environment of these variables and without a settings file.

    Raises:
        SettingsError: a setting cannot be used.
    """
    with patch.dict(os.environ, {**environment, ENV_FILE: ""}, clear=True):
        return load_settings()
