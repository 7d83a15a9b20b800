"""Calls below the base URL, all with one permission: what the client's parts are made of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from penstock.client.addresses import below
from penstock.client.errors import InvalidInput
from penstock.client.retry import MAX_RETRIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import httpx

    from penstock.client.documents import Document
    from penstock.client.exchange import Exchange

T = TypeVar("T")

_JSON = {"content-type": "application/json"}


class Calls:
    """Sends calls and reads their answers. Every method may raise ``ClientError``."""

    def __init__(
        self, http: httpx.Client, exchange: Exchange, base: httpx.URL, auth: httpx.Auth | None
    ) -> None:
        self._http = http
        self._exchange = exchange
        self._base = base
        self._auth = auth

    def ask(
        self,
        method: str,
        *segments: str,
        decode: Callable[[Document], T],
        query: Sequence[tuple[str, str]] = (),
        content: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        retries: int = MAX_RETRIES,
    ) -> T:
        """One call, sent again if it must be: without ``retries``, for those that may not be repeated."""
        request = self._http.build_request(
            method,
            below(self._base, *segments, query=query),
            content=None if content is None else _encoded(content),
            headers={**({} if content is None else _JSON), **(headers or {})},
        )
        return self._exchange.ask(request, decode, auth=self._auth, retries=retries)


def sendable(value: str, *, name: str) -> str:
    """The value, if it can be a header's; raises InvalidInput."""
    if not value or not value.isascii() or not value.isprintable() or value != value.strip():
        raise InvalidInput(f"The {name} {value!r} cannot be sent: it must be visible ASCII text.")
    return value


def _encoded(content: Mapping[str, Any]) -> bytes:
    try:
        # As it is, and not as escapes: a body has a largest size.
        return json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"What is to be sent is no JSON: {error}.") from error
