"""The callback that a submission asks for, and how deep in a chain of ours it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.webhooks import own
from penstock.webhooks.errors import CallbackApiRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.catalogue import ApiEntry
    from penstock.webhooks.guard import Guard

HEADER = "x-callback-url"


@dataclass(frozen=True, slots=True)
class Callback:
    """What the headers say."""

    url: str | None
    depth: int


def read_callback(headers: Mapping[str, str], api: ApiEntry, guard: Guard) -> Callback:
    """From the headers of a submission, names in lower case; a class of ``CallbackRefused``.

    What is refused here would be refused at each call as well, but a caller learns it at once.
    """
    depth = own.read_depth(headers.get(own.DEPTH_HEADER))
    own.check_depth(depth)
    url = headers.get(HEADER)
    if url is None:
        return Callback(None, depth)
    call = own.own_call(url)
    if call is None:
        guard.admit(url)
        return Callback(url, depth)
    if call.endpoint not in api.webhook_chain:
        raise CallbackApiRefused(
            f"Callbacks of API {api.name} may not call {call.endpoint}: list it under webhook.chain."
        )
    own.check_depth(depth + 1)
    return Callback(url, depth)
