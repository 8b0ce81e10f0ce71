"""Where requests go and how they prove who sends them. Secrets are read from the environment here and leave only on the wire."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from mlgate.errors import UsageError
from mlgate.interface import Auth
from mlgate_serving.clients import Request

_HEADER_TEXT = frozenset(chr(code) for code in [9, *range(32, 127)])
_REDACTED = "[redacted]"


@dataclass(frozen=True)
class Target:
    """An endpoint's address, the headers that every request carries, and the TLS context of an https address."""

    url: str
    scheme: str
    host: str
    port: int
    path: str
    auth: Auth
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    tls: ssl.SSLContext | None = field(repr=False, compare=False)

    @classmethod
    def of(cls, url: str, auth: Auth, environ: Mapping[str, str] = os.environ) -> Self:
        """The target at `url`, with what `auth` names taken from `environ`.

        Raises UsageError for an address that is none, and for all missing variables and unusable values at once; no message holds a value.
        """
        scheme, host, port, path = _address(url)
        problems: list[str] = []

        def value(variable: str) -> str:
            text = environ.get(variable, "")
            if not text:
                problems.append(f"the environment variable {variable} is not set: export {variable}=...")
            elif not set(text) <= _HEADER_TEXT:
                problems.append(f"the environment variable {variable} holds a line break or a character that no header can: correct it")
            return text

        headers = [(name.lower(), value(variable)) for name, variable in auth.headers.items()]
        secrets = [text for _, text in headers]
        if auth.bearer:
            secrets.append(value(auth.bearer))
            headers.append(("authorization", f"Bearer {secrets[-1]}"))
        files = {name: value(name) for name in (auth.ca, auth.client_certificate, auth.client_key) if name}
        absent = {name: text for name, text in files.items() if text and not Path(text).is_file()}
        problems += [f"{text}, which {name} names, is no file: correct it" for name, text in absent.items()]
        if problems:
            raise UsageError("; ".join(problems), where=f"interface.auth for {url}")
        context = _context(auth, files, url) if scheme == "https" else None
        return cls(url, scheme, host, port, path, auth, tuple(headers), tuple(secret for secret in secrets if secret), context)

    def wire(self, request: Request) -> bytes:
        """The bytes of `request` to this target over HTTP/1.1 with keep-alive."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        standard = self.port == (443 if self.scheme == "https" else 80)
        headers = {
            "host": host if standard else f"{host}:{self.port}",
            "user-agent": "mlgate",
            "accept": "application/json",
            **dict(request.headers),
            **dict(self.headers),
            "content-length": str(len(request.body)),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{request.method} {self.path}{request.path} HTTP/1.1\r\n{lines}\r\n".encode("ascii") + request.body

    def redact(self, text: str) -> str:
        """`text` without the secrets: an endpoint may echo what it was sent."""
        for secret in self.secrets:
            text = text.replace(secret, _REDACTED)
        return text


def _address(url: str) -> tuple[str, str, int, str]:
    remedy = "write http:// or https://, a host, and a port and path where needed"
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise UsageError(f"{url!r} is no address: {error}", remedy=remedy) from None
    if parts.username is not None or parts.query:
        # Not repeated here: it may hold a password, and the address stands in the evidence.
        raise UsageError(
            f"the address of {parts.hostname} holds a user, a password or a query",
            remedy="give the plain address, and name what the endpoint asks for under interface.auth",
        )
    printable = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment or not printable:
        raise UsageError(f"{url!r} is no address of an endpoint", remedy=remedy)
    return parts.scheme, parts.hostname, port, parts.path.rstrip("/")


def _context(auth: Auth, files: Mapping[str, str], url: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=files[auth.ca] if auth.ca else None)
        if auth.client_certificate and auth.client_key:
            # An empty password instead of a prompt on the terminal: an encrypted key is then an error that says so.
            context.load_cert_chain(files[auth.client_certificate], files[auth.client_key], password="")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the PEM files that {', '.join(files)} name cannot be used: {error}",
            where=f"interface.auth for {url}",
            remedy="give PEM files: a CA bundle, a certificate, and its key without a password",
        ) from None
    context.set_alpn_protocols(["http/1.1"])
    return context
