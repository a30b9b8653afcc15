"""`givlake serve`: answer the API's own requests from the archive."""

import click

from pipelines.cli.common import EXIT_USAGE, KnownError, console, plural
from pipelines.cli.context import pass_settings
from pipelines.cli.web_server import (
    ALL_ADDRESSES,
    HOW_TO_STOP,
    WebServer,
    address_of,
    listen,
    serve_until_stopped,
)
from pipelines.settings import Settings

DEFAULT_PORT = 8765
_HOW_TO_MAKE_ONE = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@pass_settings
def serve(settings: Settings, port: int, host: str) -> None:
    """Answer other programs as the GivEnergy API would, from the archive; stop it with Ctrl-C.

    Programs that read the API go on with another address and the token GIVLAKE_SERVE_TOKEN. It
    only reads: nothing is sent to GivEnergy or to a device, and the data folder is not changed.
    """
    from pipelines.dashboard.web_security import is_loopback

    token = settings.serve_token
    if token is None:
        raise KnownError(
            "GIVLAKE_SERVE_TOKEN is not set: make a token of its own with"
            f" {_HOW_TO_MAKE_ONE}, set it in the environment or in a .env file, and give it to the"
            " programs that read from here.",
            EXIT_USAGE,
        )
    if not (settings.data / "archive").is_dir():
        raise KnownError(
            f"There is no archive in {settings.data}: fetch one with givlake backfill, or name the"
            " folder that has it in GIVLAKE_DATA.",
            EXIT_USAGE,
        )
    listener, chosen = listen(host, port)
    made: list[WebServer] = []

    def begin() -> None:
        console().print(
            f"API: {address_of(host, chosen)}/v1 (data in {settings.data}). {HOW_TO_STOP}"
        )
        if host in ALL_ADDRESSES or not is_loopback(host):
            console(stderr=True).print(
                f"Whoever reaches {host} over the network can read the token and your history on"
                " the way: there is no encryption. Leave --host out to serve this machine only, or"
                " put a server with TLS in front."
            )

    def make() -> WebServer:
        made.append(_served(settings, token))
        return made[0]

    with listener:
        serve_until_stopped(make, listener, begin)
    missing = made[0].app.state.api.missing.count
    if missing:
        console().print(f"Asked for and not in the archive: {plural(missing, 'time')}.")


def _served(settings: Settings, token: str) -> WebServer:
    from pipelines.serve.api_app import served_app
    from pipelines.serve.request_limit import LIMIT

    app = served_app(settings, token, limit=LIMIT)
    return WebServer(app, app.state.api.warm_up, app.state.api.reader.close)
