"""Base URL and paths, made so that no name can lead to another path than its own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import httpx

from penstock.client.errors import InvalidInput, InvalidUrl

if TYPE_CHECKING:
    from collections.abc import Sequence

_HIGHEST_PORT = 65_535


def base_url(text: str) -> httpx.URL:
    """The server's address without a trailing slash; raises InvalidUrl."""
    try:
        url = web_address(text.strip().rstrip("/"))
    except ValueError as error:
        raise InvalidUrl(text, reason=str(error)) from error
    if url.query or url.fragment:
        raise InvalidUrl(text, reason="it has a query or a fragment")
    return url


def web_address(text: str) -> httpx.URL:
    """An address to which a connection can at least be tried; raises ValueError with the reason."""
    try:
        url = httpx.URL(text)
        # Some names are found to be none only when they are decoded.
        host = url.host
    except (httpx.InvalidURL, ValueError) as error:
        raise ValueError(str(error)) from error
    if url.scheme not in {"http", "https"}:
        raise ValueError("it does not start with http:// or https://")
    if not host:
        raise ValueError("it has no host")
    if url.port is not None and url.port > _HIGHEST_PORT:
        raise ValueError(f"there is no port {url.port}")
    return url


def below(base: httpx.URL, *segments: str, query: Sequence[tuple[str, str]] = ()) -> httpx.URL:
    """The address of these path segments below the base URL."""
    path = "/".join([str(base).rstrip("/"), *(_segment(segment) for segment in segments)])
    # %20 and not +: a signature is computed over the former.
    text = urlencode(query, quote_via=quote, safe="", errors="surrogateescape")
    try:
        return httpx.URL(f"{path}?{text}" if text else path)
    except httpx.InvalidURL as error:
        raise InvalidInput(f"The request has no usable address: {error}.") from error


def shown(url: httpx.URL) -> str:
    """The address for messages: a query may hold a presigned link's signature, userinfo a password."""
    port = f":{url.port}" if url.port else ""
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{url.scheme}://{host}{port}{url.path.rstrip('/')}"


def _segment(text: str) -> str:
    # A dot segment survives quoting and would be resolved away, together with its neighbour.
    if text in {"", ".", ".."}:
        raise InvalidInput(f'"{text}" is neither the name of an API nor the id of a request.')
    # Arguments that are no UTF-8 reach Python with surrogates in place of their bytes.
    return quote(text, safe="", errors="surrogateescape")
