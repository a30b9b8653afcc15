"""The library that speaks the inverters' Modbus, which only the extra `givlake[local]` installs."""

import importlib.util
import logging

from pipelines.settings_file import SettingsError


def required_library() -> None:
    """Refuse to go on without the library; keep its log to itself.

    It logs every answer that does not come. What an owner needs to know is said once per change.

    Raises:
        SettingsError: It is not installed.
    """
    if importlib.util.find_spec("givenergy_modbus") is None:
        raise SettingsError(
            "Reading an inverter on the home network needs the package givenergy-modbus:"
            " pip install 'givlake[local]'"
        )
    logging.getLogger("givenergy_modbus").setLevel(logging.CRITICAL)
