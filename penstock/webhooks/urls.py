"""Callback URLs, read strictly: what two programs could read differently is refused.

Parsers disagree about backslashes, control characters, odd notations of addresses and letters that
look like others, and each disagreement is a way to lead a checked URL somewhere else. So there is one
way to write each thing, in visible ASCII.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from penstock.webhooks.errors import (
    CallbackHostInvalid,
    CallbackPortRefused,
    CallbackSchemeRefused,
    CallbackUrlInvalid,
    CallbackUrlTooLong,
    CallbackUserinfoRefused,
)

MOST_CHARACTERS = 2048

_DEFAULT_PORTS = {"https": 443, "http": 80}
_HIGHEST_PORT = 65_535
_MOST_HOST_CHARACTERS = 253

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
#: Authority, path and query, all of characters that RFC 3986 lets stand there.
_REST = re.compile(r"//([^/?#]*)(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_PORT = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a URL leads, taken apart."""

    scheme: str
    #: A DNS name in lower case, or an IP address without brackets.
    host: str
    port: int
    #: Path and query, as they are sent.
    path: str
    #: Whether the host is an address and not a name.
    literal: bool

    @property
    def host_header(self) -> str:
        """The Host header: with the port only if it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse(text: str) -> Destination:
    """Take an absolute http or https URL apart; one of the ``CallbackRefused`` names what is wrong."""
    if len(text) > MOST_CHARACTERS:
        raise CallbackUrlTooLong(f"The URL has {len(text)} characters; at most {MOST_CHARACTERS} are taken.")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise CallbackUrlInvalid(
            "The URL must be visible ASCII: write names of other scripts as xn--…, and all else as %XX."
        )
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise CallbackUrlInvalid("The URL must be absolute: https://host/path.")
    name = scheme[1].lower()
    if name not in _DEFAULT_PORTS:
        raise CallbackSchemeRefused(f"The URL begins with {name[:32]}:, which is never called.")
    rest = _REST.fullmatch(text, scheme.end())
    authority = rest[1] if rest else re.split(r"[/?#]", text[scheme.end() :].lstrip("/"), maxsplit=1)[0]
    if "@" in authority:
        raise CallbackUserinfoRefused("The URL holds a user name or password before the host.")
    if rest is None or _PERCENT.search(text):
        raise CallbackUrlInvalid("The URL has a fragment, or a character that must be written as %XX.")
    host, port = _split(authority)
    plain, literal = _host(host)
    return Destination(
        scheme=name,
        host=plain,
        port=_port(port, default=_DEFAULT_PORTS[name]),
        path=(rest[2] or "/") + (rest[3] or ""),
        literal=literal,
    )


def _split(authority: str) -> tuple[str, str | None]:
    if authority.startswith("["):
        host, bracket, rest = authority.partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise CallbackHostInvalid("The brackets around the host do not fit.")
        return f"{host}]", rest[1:] if rest else None
    host, colon, port = authority.partition(":")
    return host, port if colon else None


def _host(text: str) -> tuple[str, bool]:
    if text.startswith("["):
        try:
            address = IPv6Address(text[1:-1])
        except AddressValueError as error:
            raise CallbackHostInvalid("What is in brackets is no IPv6 address.") from error
        if address.scope_id is not None:
            raise CallbackHostInvalid("An address with a zone means something on one machine only.")
        return str(address), True
    labels = text.lower().split(".")
    if len(text) > _MOST_HOST_CHARACTERS or not all(_LABEL.fullmatch(label) for label in labels):
        raise CallbackHostInvalid("The host is no DNS name: labels of letters, digits and dashes.")
    if _ends_in_a_number(labels[-1]):
        # Octal, hexadecimal, short and single-number forms all mean an address to some programs.
        try:
            return str(IPv4Address(text)), True
        except AddressValueError as error:
            raise CallbackHostInvalid("An IPv4 address is written as four decimal numbers.") from error
    return text.lower(), False


def _ends_in_a_number(label: str) -> bool:
    return label.isdigit() or re.fullmatch(r"0x[0-9a-f]*", label) is not None


def _port(text: str | None, *, default: int) -> int:
    if text is None:
        return default
    if not _PORT.fullmatch(text) or not 1 <= int(text) <= _HIGHEST_PORT:
        raise CallbackPortRefused(f"There is no port {text[:16]!r}.")
    return int(text)
