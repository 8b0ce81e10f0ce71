"""What evidence is about: a release in a configuration, or, where no release is known, the address of a foreign endpoint."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from mlgate.digests import digest_bytes
from mlgate.errors import UsageError

_DEFAULT_PORTS = {"http": 80, "https": 443}


def normal_url(url: str) -> str:
    """One spelling for one endpoint: lower case, port always there, no user, query or trailing slash, and loopback by its number.

    Raises UsageError for anything but an http or https address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is not an address: {error}", remedy="write it as https://HOST[:PORT]") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise UsageError(f"{url!r} is not the address of an endpoint", remedy="write it as https://HOST[:PORT]")
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
    written = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, f"{written}:{port or _DEFAULT_PORTS[parts.scheme]}", parts.path.rstrip("/"), "", ""))


def subject_key(release: str | None, url: str | None) -> str:
    """The digest whose routes are counted: the release's, else the address's. Raises UsageError where there is neither."""
    if release is not None:
        return release
    if url is None:
        raise UsageError("an attempt is about a release or an address, and neither was given", remedy="give one of the two")
    return digest_bytes(normal_url(url).encode())


def subject_digests(release: str | None, configuration: str | None, url: str | None) -> dict[str, str]:
    """The subjects of a statement by name: `release` and `configuration`, or `endpoint` (the digest of its address)."""
    if release is None:
        return {"endpoint": subject_key(None, url)}
    return {"release": release} | ({} if configuration is None else {"configuration": configuration})
