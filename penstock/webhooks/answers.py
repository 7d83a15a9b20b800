"""What a callback by OpenFaaS's contract brings instead of the event: the function's answer itself.

A delivery keeps the headers, and where the body lies: bodies are read when they are sent, so that none
is ever in the table.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from penstock import openfaas
from penstock.records import EMPTY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.records import RequestRecord

#: Longest body of a callback: what ``/function`` answers with, and what a submission to an API of ours
#: may have. It is sent within the 15 seconds that an attempt has.
MOST_BODY_BYTES = 4_500_000

_ANY_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionAnswer:
    """The answer to one call of a function, as its callback tells it."""

    #: The function's own headers, if its body is sent, and those that describe the call.
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    #: Of the function's body, whether it is sent or linked.
    size_bytes: int = 0
    #: S3 key of the body that is sent; None sends an empty one.
    key: str | None = None
    #: Where our API gives a body that is too long to be sent.
    link: str | None = None

    @property
    def sent_headers(self) -> dict[str, str]:
        """The headers of the callback. A body that is left out is linked as RFC 8288 says."""
        linked = {} if self.link is None else {"Link": f'<{self.link}>; rel="enclosure"'}
        return {**self.headers, **linked}


def answer_of(record: RequestRecord, *, function: str, link: str) -> FunctionAnswer | None:
    """What the callback of a request that has ended says; None unless it came by OpenFaaS's contract.

    ``function`` is the name it was called by, ``link`` leads to its result at our API.
    """
    call_id, result = record.call.call_id, record.result
    if call_id is None:
        return None
    if result is None:
        return FunctionAnswer(headers=openfaas.outcome_headers(call_id, record, function=function))
    if result.size_bytes > MOST_BODY_BYTES:
        # Headers that describe bytes go with the bytes: an empty body is no gzip.
        bare = replace(record, result=replace(result, headers=EMPTY, content_type=None))
        told = openfaas.outcome_headers(call_id, bare, function=function)
        return FunctionAnswer(headers=told, size_bytes=result.size_bytes, link=link)
    told = {"Content-Type": _ANY_TYPE, **openfaas.outcome_headers(call_id, record, function=function)}
    return FunctionAnswer(headers=told, size_bytes=result.size_bytes, key=result.key)
