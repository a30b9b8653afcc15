"""Network settings of this machine: proxies and certificates, checked before they are used.

What is wrong with them does not pass by itself: it is named at once and never retried.
"""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies

from givenergy.errors import LocalFaultError, ProxyRefusedError
from givenergy.redaction import scrub

__all__ = ["NetworkSettings", "network_settings"]

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
# How OpenSSL names the certificates in a folder.
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")
_OPENED_BY_PROXY = (
    "If a proxy or virus scanner of yours opens encrypted connections, set REQUESTS_CA_BUNDLE to a"
    " file with its certificate."
)


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How to reach the API from this machine.

    Attributes:
        host: The host of the API.
        proxies: The proxies by scheme, as `requests` takes them. They may contain a password.
        proxy_setting: What names the proxy, "" if there is none.
        bundle: The trusted certificates; None for those that come with the package.
        bundle_setting: The variable that names them.
    """

    host: str
    proxies: dict[str, str] = field(default_factory=dict, repr=False)
    proxy_setting: str = ""
    bundle: Path | None = None
    bundle_setting: str = ""

    def fault_of(self, error: Exception) -> LocalFaultError | None:
        """Return what is wrong with these settings if that made a request fail, else None."""
        certificate = _certificate_error(error)
        if certificate is not None:
            where = f"{self.bundle} ({self.bundle_setting})" if self.bundle else "the usual ones"
            reason = certificate.verify_message
            advice = "Check this machine's clock." if "expired" in reason else _OPENED_BY_PROXY
            return LocalFaultError(
                f"The certificate of {self.host} is not accepted ({reason}); trusted certificates:"
                f" {where}.",
                hint=advice,
            )
        if "WRONG_VERSION_NUMBER" in str(error) or "appears to only use HTTP" in str(error):
            other = f" and {self.proxy_setting}" if self.proxy_setting else ""
            return LocalFaultError(
                f"{self.host} does not answer with encryption at this address.",
                hint=f"Check GIVENERGY_API_URL{other}: http or https, and the port.",
            )
        if isinstance(error, requests.exceptions.ProxyError) and " 407 " in f"{error} ":
            return ProxyRefusedError(
                f"The proxy that {self.proxy_setting} names requires a user name and a password.",
                hint="Write them into its address, http://user:password@host:port.",
            )
        # Such as an address that cannot be parsed.
        return self.unexpected_fault(error) if isinstance(error, ValueError) else None

    def unexpected_fault(self, error: Exception) -> LocalFaultError:
        """Return an error that occurred before a request was sent as a fault of this machine."""
        return LocalFaultError(
            f"Requests to {self.host} cannot be sent ({scrub(str(error))}).",
            hint=f"Check GIVENERGY_API_URL, {self.proxy_setting or 'proxies'} and certificates.",
        )


def network_settings(base_url: str) -> NetworkSettings:
    """Return the network settings in the environment, after checking them.

    Raises:
        LocalFaultError: If one cannot be used.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    proxies = get_environ_proxies(base_url)
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    setting = _proxy_setting(parts.scheme) if proxy else ""
    if proxy:
        _check_proxy(proxy, setting)
    if parts.scheme != "https":
        return NetworkSettings(host, proxies, setting)
    name = next((name for name in _BUNDLES if os.environ.get(name)), "")
    if not name:
        return NetworkSettings(host, proxies, setting)
    bundle = Path(os.environ[name])
    if name == "SSL_CERT_DIR":
        # OpenSSL takes a list of folders here, `requests` a single one.
        folders = os.environ[name].split(os.pathsep)
        bundle = Path(next(filter(os.path.isdir, folders), folders[0]))
    _check_bundle(bundle, name)
    return NetworkSettings(host, proxies, setting, bundle, name)


def _proxy_setting(scheme: str) -> str:
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    return next((name for name in names if os.environ.get(name)), "the system's proxy setting")


def _check_proxy(proxy: str, setting: str) -> None:
    scheme, separator, _ = proxy.partition("://")
    try:
        parts = urlsplit(proxy if separator else f"http://{proxy}")
        is_address = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_address = False
    if not is_address or (separator and scheme.lower() not in _PROXY_SCHEMES):
        raise LocalFaultError(
            f"{setting} is not the address of a proxy.",
            hint="Set it to http://host:port, or unset it if there is no proxy.",
        )
    if separator and scheme.lower().startswith("socks") and find_spec("socks") is None:
        raise LocalFaultError(
            f"{setting} names a {scheme} proxy, for which the package PySocks is missing.",
            hint="Install it with `.venv/bin/pip install PySocks`, or use an http proxy.",
        )


def _check_bundle(bundle: Path, setting: str) -> None:
    """Check that a file or folder of trusted certificates can be used.

    Raises:
        LocalFaultError: If it does not exist, cannot be read or has no certificate.
    """
    problem = None
    try:
        if bundle.is_dir():
            if not any(_HASHED.fullmatch(path.name) for path in bundle.iterdir()):
                problem = "is a folder without certificates as `openssl rehash` names them"
        else:
            with bundle.open("rb"):
                pass
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(bundle)
    except ssl.SSLError:
        problem = "contains no certificate in PEM format"
    except FileNotFoundError:
        problem = "does not exist"
    except (OSError, ValueError) as error:
        problem = f"cannot be read ({getattr(error, 'strerror', None) or error})"
    if problem is not None:
        raise LocalFaultError(
            f"{setting} is {str(bundle)!r}, which {problem}.",
            hint="Set it to a file with the certificates to trust, or unset it.",
        )


def _certificate_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """Return the refusal of a certificate that caused an exception, which may only hold it."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        found = pending.pop()
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        if isinstance(found, ssl.SSLCertVerificationError):
            return found
        seen.add(id(found))
        reason = getattr(found, "reason", None)
        pending += [*found.args, reason, found.__cause__, found.__context__]
    return None
