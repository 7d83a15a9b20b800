"""Callbacks to our own API (N7): how one is told from others, and where a chain of them ends."""

from __future__ import annotations

import re
from dataclasses import dataclass

from penstock.webhooks.errors import CallbackApiRefused, CallbackLoop

#: Says how many calls among our own APIs led to this one.
DEPTH_HEADER = "x-penstock-depth"

#: Chains longer than this are loops.
MOST_DEPTH = 3

#: Where such calls go: a route of their own, into which API Gateway lets signatures of AWS alone, however
#: other callers prove who they are. So the sender needs no API key.
ROUTE = "/chain/{api}"

_SUBMIT = re.compile(r"/async/([A-Za-z0-9._~-]+)(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")
_DEPTH = re.compile(r"[0-9]{1,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class OwnCall:
    """A submission to an API of this deployment."""

    #: The path segment that stands for the API.
    endpoint: str
    #: Path and query below the API's base URL, by the route for such calls.
    path: str


def own_call(url: str, *, base_url: str | None = None) -> OwnCall | None:
    """The call of our own API that the URL stands for; None if it leads elsewhere.

    Both ``/async/{api}`` and the absolute form are understood, the latter if the base URL is known.
    ``CallbackApiRefused`` for anything else of ours: only submissions are called.
    """
    if base_url is not None and _below(url, base_url):
        url = url[len(base_url) :]
    if not url.startswith("/") or url.startswith("//"):
        return None
    match = _SUBMIT.fullmatch(url)
    if match is None:
        raise CallbackApiRefused("Of this deployment, a callback may call /async/{api} and nothing else.")
    return OwnCall(match[1], ROUTE.format(api=match[1]) + (match[2] or ""))


def read_depth(text: str | None) -> int:
    """The depth that a header tells; text that is no number counts as too deep."""
    if text is None:
        return 0
    return int(text) if _DEPTH.fullmatch(text) else MOST_DEPTH + 1


def check_depth(depth: int) -> None:
    """``CallbackLoop`` beyond the end of a chain."""
    if depth > MOST_DEPTH:
        raise CallbackLoop(f"APIs have called each other {depth} times in a row; at most {MOST_DEPTH} may.")


def _below(url: str, base_url: str) -> bool:
    # Schemes and hosts are not case sensitive; a longer host name must not pass for ours.
    return url[: len(base_url)].lower() == base_url.lower() and url[len(base_url) : len(base_url) + 1] == "/"
