"""Settings: one declaration makes the values, the README's table, the help and the messages."""

from datetime import time
from pathlib import Path

import pytest

from pipelines.described_settings import described_settings
from pipelines.settings_file import SettingsError
from pipelines.settings_table import with_settings_table
from tests.support.settings import settings_of

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_has_the_table_that_the_declaration_makes():
    text = README.read_text(encoding="utf-8")
    assert with_settings_table(text) == text, "run `make settings`"


def test_the_help_lists_every_setting(own, simulate):
    said = own(simulate()).givlake("--help").out
    for setting in described_settings():
        assert setting.name in said
    assert "](" not in said


def test_an_empty_environment_gives_the_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = settings_of({})
    assert settings.token is None
    assert settings.data == tmp_path / "data"
    assert (settings.connections, settings.retry_s, settings.alert_by) == (8, 75, time(9))
    assert settings == settings_of({"GIVLAKE_CONNECTIONS": "", "GIVLAKE_ALERT_BY": ""})


def test_names_count_in_capitals_only():
    assert settings_of({"givlake_connections": "3"}).connections == 8


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("GIVLAKE_CONNECTIONS", "65", "GIVLAKE_CONNECTIONS is '65': use a whole number from 1"),
        ("GIVLAKE_CONNECTIONS", "8.0", "GIVLAKE_CONNECTIONS is '8.0': use a whole number"),
        ("GIVLAKE_CONNECTIONS", "²", "GIVLAKE_CONNECTIONS is '²': use a whole number"),
        ("GIVLAKE_RESERVE", " 5", "GIVLAKE_RESERVE is ' 5': use a whole number"),
        ("GIVLAKE_LOG_LEVEL", "LOUD", "GIVLAKE_LOG_LEVEL is 'LOUD': use one of DEBUG, INFO"),
        ("GIVLAKE_TIMEZONE", "../x", "GIVLAKE_TIMEZONE is '../x': use the name of a time zone"),
        ("GIVLAKE_POLL_MINUTES", "7", "GIVLAKE_POLL_MINUTES is '7': use a divisor of 60"),
        ("GIVLAKE_ALERT_APP", "yes", "GIVLAKE_ALERT_APP is 'yes': use 1 for on"),
        ("GIVLAKE_ALERT_BY", "9", "GIVLAKE_ALERT_BY is '9': use a time of day such as 09:00"),
    ],
)
def test_a_wrong_value_is_named_with_what_to_do(name, value, message):
    with pytest.raises(SettingsError) as error:
        settings_of({name: value})
    assert str(error.value).startswith(message)


def test_secrets_are_in_no_message_and_no_representation():
    with pytest.raises(SettingsError) as error:
        settings_of({"GIVLAKE_ALERT_URLS": "user:sesame@host"})
    assert "sesame" not in str(error.value)
    assert error.value.__cause__ is None
    settings = settings_of(
        {"GIVENERGY_API_TOKEN": "sesame", "GIVLAKE_ALERT_URLS": "json://user:sesame@host"}
    )
    assert settings.token == "sesame"
    assert settings.alert_urls == ("json://user:sesame@host",)
    assert "sesame" not in repr(settings) + str(settings)
