"""Settings from the environment and a `.env` file, declared once.

The help, the README's table and the messages about invalid values follow from the declaration.
"""

import os
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pipelines.local_reader.inverter_address import InverterAddress
from pipelines.named_accounts import account_files, accounts_folder
from pipelines.setting_values import (
    check_account_name,
    check_log_level,
    check_poll_minutes,
    check_publish_target,
    check_serve_token,
    check_source_name,
    check_zone,
    how_often,
    read_alert_urls,
    read_budget_url,
    read_inverters,
    read_names,
    read_personal,
    read_source_url,
    read_switch,
    read_time,
    whole_number,
)
from pipelines.settings_file import (
    SettingsError,
    absolute,
    data_folder,
    env_file,
    merged_environment,
    read_env_file,
    search_description,
)

DEFAULT_URL = "https://api.givenergy.cloud/v1"


def _setting(name: str, meaning: str, *, shown: str | None = None, **options: Any) -> Any:
    """Declare a setting.

    Args:
        name: The environment variable.
        meaning: A phrase in Markdown, for the README and the help.
        shown: The text of its default; None shows the default itself.
        **options: Options of pydantic's `Field`.
    """
    extra: dict[str, Any] = {} if shown is None else {"shown": shown}
    return Field(alias=name, description=meaning, json_schema_extra=extra, **options)


class Settings(BaseSettings):
    """The owner's settings. Secrets are excluded from `repr` and from messages."""

    model_config = SettingsConfigDict(
        frozen=True, case_sensitive=True, env_ignore_empty=True, extra="ignore"
    )

    token: str | None = _setting(
        "GIVENERGY_API_TOKEN",
        "the API token; it is never written to disk or shown",
        default=None,
        repr=False,
    )
    url: Annotated[str, AfterValidator(lambda url: url.rstrip("/"))] = _setting(
        "GIVENERGY_API_URL",
        "another API address, such as a simulator's",
        shown="the GivEnergy Cloud API",
        default=DEFAULT_URL,
    )
    data: Path = _setting(
        "GIVLAKE_DATA",
        "the data folder; relative to the settings file that contains it, or to the working folder",
        shown="`data`, beside the settings file",
    )
    account_name: Annotated[str | None, AfterValidator(check_account_name)] = _setting(
        "GIVLAKE_NAME",
        "the name of the account in Dagster, alerts and published tables; `--account` sets it",
        shown="",
        default=None,
    )
    datasets: Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_names)] = _setting(
        "GIVLAKE_DATASETS",
        "the [datasets](docs/data-dictionary.md) to ingest, separated by commas; `-` before a name"
        " leaves it out, `+` adds it to the usual ones",
        shown="all but `sso_accounts`, and `inverter_setting_values` unless it is on",
        default=(),
    )
    poll_minutes: Annotated[int, AfterValidator(check_poll_minutes), whole_number(1, 60)] = (
        _setting(
            "GIVLAKE_POLL_MINUTES",
            "minutes between two scheduled [polls](docs/dagster.md#what-a-day-costs)",
            default=15,
        )
    )
    zone: Annotated[str, AfterValidator(check_zone)] = _setting(
        "GIVLAKE_TIMEZONE",
        "the time zone of the days; unset: the account's, or the default if the API sends none",
        default="Europe/London",
    )
    log_level: Annotated[str, AfterValidator(check_log_level)] = _setting(
        "GIVLAKE_LOG_LEVEL", "`DEBUG`, `INFO`, `WARNING` or `ERROR`", default="WARNING"
    )
    connections: Annotated[int, whole_number(1, 64)] = _setting(
        "GIVLAKE_CONNECTIONS", "requests in flight", default=8
    )
    reserve: Annotated[int, whole_number(0, 100_000)] = _setting(
        "GIVLAKE_RESERVE", "requests per minute left to other programs", default=0
    )
    budget_url: Annotated[str | None, BeforeValidator(read_budget_url)] = _setting(
        "GIVLAKE_BUDGET_URL",
        "the PostgreSQL database with the [request budget](docs/request-budget.md#several-machines)"
        " of an account that several machines use: `postgresql://user:password@host/database`",
        shown="a file in the data folder",
        default=None,
        repr=False,
    )
    range_days: Annotated[int, whole_number(1, 366)] = _setting(
        "GIVLAKE_RANGE_DAYS",
        "days per request for energy flows and meter history; halved where the API refuses them",
        # The API does not document its longest range; the portal's own pages request a month.
        default=31,
    )
    retry_s: Annotated[int, whole_number(0, 86_400)] = _setting(
        "GIVLAKE_RETRY_S",
        "seconds during which a failing request is retried; `0` disables retries",
        # Longer than the API's window of a minute, so that one bad minute fails nothing.
        default=75,
    )
    read_settings: Annotated[
        str | None,
        how_often(
            ("daily", "weekly"), "use weekly or daily to read settings from inverters, or off."
        ),
    ] = _setting(
        "GIVLAKE_READ_SETTINGS",
        "how often to [read the values of settings](docs/security.md#reading-settings) from the"
        " inverters: `weekly`, `daily` or `off`",
        shown="`off`",
        default=None,
    )
    read_setting_names: Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_names)] = (
        _setting(
            "GIVLAKE_READ_SETTING_NAMES",
            "which settings to read: names or numbers, separated by commas",
            shown="all",
            default=(),
        )
    )
    source_url: Annotated[str | None, BeforeValidator(read_source_url)] = _setting(
        "GIVLAKE_SOURCE_URL",
        "address of a [second source](docs/when-the-cloud-ends.md#another-address): an API of the"
        " same form, such as another machine's `givlake serve`",
        shown="",
        default=None,
    )
    source_name: Annotated[str, AfterValidator(check_source_name)] = _setting(
        "GIVLAKE_SOURCE_NAME", "its name in the tables and in `--source`", default="house"
    )
    source_token: str | None = _setting(
        "GIVLAKE_SOURCE_TOKEN",
        "its token; it is never written to disk or shown",
        shown="",
        default=None,
        repr=False,
    )
    serve_token: Annotated[str | None, AfterValidator(check_serve_token)] = _setting(
        "GIVLAKE_SERVE_TOKEN",
        "the token that [`givlake serve`](docs/serving.md) asks its clients for: at least 20"
        " characters of your own; it is never written to disk or shown",
        shown="",
        default=None,
        repr=False,
    )
    alert_urls: Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_alert_urls)] = _setting(
        "GIVLAKE_ALERT_URLS",
        "where [alerts](docs/security.md#alerts) go: Apprise addresses, separated by commas",
        shown="",
        default=(),
        repr=False,
    )
    alert_app: Annotated[bool, BeforeValidator(read_switch)] = _setting(
        "GIVLAKE_ALERT_APP", "`1` sends alerts to the GivEnergy app too", shown="`0`", default=False
    )
    alert_by: Annotated[time, BeforeValidator(read_time)] = _setting(
        "GIVLAKE_ALERT_BY",
        "local time by which yesterday should be complete",
        shown="`09:00`",
        default=time(9),
    )
    report: Annotated[
        str | None,
        how_often(("weekly", "monthly"), "use weekly or monthly to send a report, or off."),
    ] = _setting(
        "GIVLAKE_REPORT",
        "how often to send the [report](docs/report.md#sending-it) of each site to the channels of"
        " alerts: `weekly`, `monthly` or `off`",
        shown="`off`",
        default=None,
    )
    publish_to: Annotated[str | None, BeforeValidator(check_publish_target)] = _setting(
        "GIVLAKE_PUBLISH_TO",
        "where `givlake publish` and its schedule [publish](docs/publishing.md) to: a folder, or"
        " `s3://`, `gs://` or `az://` with a bucket; credentials by the store's usual variables",
        shown="",
        default=None,
    )
    local_inverters: Annotated[
        tuple[InverterAddress, ...], NoDecode, BeforeValidator(read_inverters)
    ] = _setting(
        "GIVLAKE_LOCAL_INVERTER",
        "the address of the inverter's adapter on the home network, for"
        " [`givlake read-inverter`](docs/local-reader.md); several separated by commas",
        shown="",
        default=(),
    )
    local_every_s: Annotated[int, whole_number(10, 300)] = _setting(
        "GIVLAKE_LOCAL_EVERY_S", "seconds between two reads of an inverter", default=30
    )
    keep_personal: Annotated[frozenset[str], NoDecode, BeforeValidator(read_personal)] = _setting(
        "GIVLAKE_KEEP_PERSONAL",
        "[personal values](docs/personal-data.md) to keep, such as"
        " `sites:data[].name,smart_devices:*`",
        shown="",
        default=frozenset(),
    )

    @property
    def is_zone_set(self) -> bool:
        """Whether the owner has set the time zone, which then outranks the account's."""
        return "zone" in self.model_fields_set

    def required_token(self) -> str:
        """Return the token.

        Raises:
            SettingsError: No token is set.
        """
        if not self.token:
            if self.account_name is None and (names := account_files()):
                raise SettingsError(
                    "No account is chosen: use givlake --account NAME with one of"
                    f" {', '.join(names)}; their files are in {accounts_folder()}."
                )
            raise SettingsError(
                "GIVENERGY_API_TOKEN is not set: create a token in the GivEnergy portal (Account"
                " settings, API tokens) and set GIVENERGY_API_TOKEN=… in the environment or in a"
                f" .env file; {search_description()}."
            )
        return self.token


def load_settings(data: Path | None = None) -> Settings:
    """Read the settings from the environment and the settings file; the environment wins.

    Args:
        data: The data folder, in place of GIVLAKE_DATA.

    Raises:
        SettingsError: A setting is not valid, or the settings file cannot be read.
    """
    path = env_file()
    values = read_env_file(path)
    given = merged_environment(values)
    folder = data_folder(os.environ, values, path) if data is None else absolute(data, "--data")
    given["GIVLAKE_DATA"] = str(folder)
    try:
        return Settings.model_validate({name: given[name] for name in _names() if name in given})
    except ValidationError as error:
        raise SettingsError(_describe(error)) from None


def with_numbers(settings: Settings, numbers: Mapping[str, int]) -> Settings:
    """Return settings of which some numbers are replaced.

    Args:
        settings: The settings.
        numbers: The new values, by attribute.

    Raises:
        SettingsError: A value is not valid.
    """
    given = {Settings.model_fields[name].alias: str(value) for name, value in numbers.items()}
    given["GIVLAKE_DATA"] = str(settings.data)
    try:
        checked = Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError(_describe(error)) from None
    return settings.model_copy(update={name: getattr(checked, name) for name in numbers})


def _names() -> list[str]:
    return [str(field.alias) for field in Settings.model_fields.values()]


def _describe(error: ValidationError) -> str:
    """Name the first setting that is not valid, its value unless it is secret, and what to do."""
    first = error.errors()[0]
    name = str(first["loc"][0])
    advice = str(first["msg"]).rstrip(".") + "."
    hidden = {field.alias for field in Settings.model_fields.values() if not field.repr}
    if name in hidden or name == "GIVLAKE_KEEP_PERSONAL":
        return f"{name}: {advice}"
    return f"{name} is {str(first['input'])!r}: {advice}"
