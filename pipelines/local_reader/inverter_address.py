"""The setting with the addresses of inverters on the home network."""

from typing import NamedTuple

PORT = 8899


class InverterAddress(NamedTuple):
    """Where an inverter's adapter listens."""

    host: str
    port: int = PORT

    def __str__(self) -> str:
        """Return it as in the setting."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORT else f"{host}:{self.port}"


def parse_address(text: str) -> InverterAddress:
    """Read `host`, `host:port` or `[IPv6 address]:port`.

    Raises:
        ValueError: It is none of them.
    """
    host, port = text.strip(), str(PORT)
    if host.startswith("["):
        host, closed, rest = host[1:].partition("]")
        port = rest[1:] if rest.startswith(":") else port
        is_valid = bool(closed) and (not rest or rest.startswith(":"))
    else:
        if host.count(":") == 1:
            host, _, port = host.partition(":")
        is_valid = "/" not in host and "@" not in host
    if not (is_valid and host and not any(map(str.isspace, host))):
        raise ValueError(text)
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(text)
    return InverterAddress(host, int(port))
