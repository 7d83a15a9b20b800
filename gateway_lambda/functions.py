"""OpenFaaS's contract: functions that are called by name, and calls that are known by an X-Call-Id.

A function is an API, and a call of one is a request like any other. Its X-Call-Id is the caller's
Idempotency-Key under OpenFaaS's name (R2): together with the caller it gives the request its id. So
the same id twice is one execution, and nothing has to be stored to find a request by it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from gateway_lambda.callbacks import read_callback
from gateway_lambda.limits import read_limits
from gateway_lambda.replies import Reply
from gateway_lambda.submit import Submission
from penstock import headers, ids, openfaas
from penstock.errors import (
    AmbiguousCallId,
    FunctionFailed,
    InvalidPayloadUrl,
    InvalidUpload,
    Unavailable,
    UnknownRequest,
)
from penstock.kinds import Kind
from penstock.ports import DependencyError
from penstock.records import Call, RequestKey
from penstock.tracing.ports import TRACEPARENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway_lambda.incoming import Incoming
    from gateway_lambda.submit import Accepted, Submitter
    from penstock.catalogue import ApiEntry, Catalogue
    from penstock.overview import Directory
    from penstock.ports import Clock
    from penstock.records import RequestRecord
    from penstock.webhooks.guard import Guard

#: What may stand in a path as it is (RFC 3986), the sign of an escape included. API Gateway hands paths
#: over escaped, the emulator unescaped: so only what cannot be there is escaped.
_PATH_CHARACTERS = "/%:@!$&'()*+,;=~"
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")

#: Keys that the directory takes at once.
_READ_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCall:
    """A call that was accepted, now or before, and the name that its caller knows it by."""

    api: ApiEntry
    call_id: str
    accepted: Accepted

    def reply(self) -> Reply:
        """OpenFaaS's answer to a call that goes on: 202, no body."""
        return Reply(HTTPStatus.ACCEPTED, b"", openfaas.call_headers(self.call_id, self.accepted.record))

    def outcome(self, record: RequestRecord) -> dict[str, str]:
        """The headers of the function's own answer; ``FunctionFailed`` if it gave none."""
        told = openfaas.outcome_headers(self.call_id, record, function=self.api.endpoint)
        if record.result is None:
            reason = record.failure.message if record.failure else f"The request is {record.status}."
            raise FunctionFailed(f"Function {self.api.endpoint} gave no answer. {reason}", headers=told)
        return told


class Functions:
    """Accepts calls, and finds the requests that were made of them."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        submitter: Submitter,
        directory: Directory,
        guard: Guard,
        clock: Clock,
    ) -> None:
        self._catalogue = catalogue
        self._submitter = submitter
        self._directory = directory
        self._guard = guard
        self._clock = clock

    def submit(self, incoming: Incoming) -> FunctionCall:
        """Accept a call, or answer for the one that its id stands for already.

        ``UnknownApi``, ``ApiRemoved``, ``InvalidCallId``, a class of ``CallbackRefused``, and what
        ``Submitter.submit`` raises.
        """
        api = self._catalogue.accepting(incoming.path["api"])
        _refuse_stored_payloads(incoming)
        chosen = incoming.call_id
        call_id = chosen or ids.new_request_id()
        # An empty one is none, as it is to OpenFaaS.
        given = {name: value for name, value in incoming.headers.items() if value}
        callback = read_callback(given, api, self._guard)
        passed_on = headers.REQUEST_HEADERS.union(api.forward_headers) - openfaas.OWN_HEADERS
        accepted = self._submitter.submit(
            Submission(
                api=api.name,
                call=Call(
                    method=incoming.method,
                    path=path_of_call(incoming),
                    query=incoming.query,
                    content_type=incoming.content_type,
                    headers=headers.allowed(incoming.headers, passed_on),
                    call_id=call_id,
                ),
                body=incoming.body,
                limits=read_limits(incoming.headers, api),
                callback=callback.url,
                depth=callback.depth,
                trace=incoming.headers.get(TRACEPARENT),
                caller=incoming.caller,
                # An id that its caller learns from the answer only is no key to try again with.
                idempotency_key=chosen,
            )
        )
        return FunctionCall(api=api, call_id=call_id, accepted=accepted)

    def as_request(self, incoming: Incoming) -> Incoming:
        """The same call, with the path by which ``/async/{api}/{id}`` knows the request.

        The path is ``/async-function/{call id}`` or ``/async-function/{function}/{call id}``.
        ``UnknownApi``, ``UnknownRequest``, or ``AmbiguousCallId`` if the caller must say which function.
        """
        if "proxy" in incoming.path:
            call_id = incoming.path["proxy"]
            found = self._made_of(
                call_id, [self._catalogue.find(incoming.path["api"])], caller=incoming.caller
            )
        else:
            call_id = incoming.path["api"]
            found = self._made_of(call_id, self._catalogue.of(Kind.ASYNC), caller=incoming.caller)
            found = found or self._made_of(call_id, self._catalogue.left(Kind.ASYNC), caller=incoming.caller)
        if not found:
            raise UnknownRequest(
                f"This caller has no request of call id {call_id[:64]!r}, or its retention is over."
            )
        if len(found) > 1:
            used = ", ".join(sorted(api.endpoint for api in found.values()))
            raise AmbiguousCallId(
                f"The call id was used for {used}. Ask for /async-function/{{function}}/{{call id}}."
            )
        ((key, api),) = found.items()
        return replace(incoming, path={"api": api.endpoint, "id": key.id})

    def _made_of(
        self, call_id: str, apis: Sequence[ApiEntry], *, caller: str
    ) -> Mapping[RequestKey, ApiEntry]:
        """The requests of these APIs that the caller made under the call id."""
        # As it is, and unescaped: which of the two a variable of the path is, depends on who serves it.
        spellings = {call_id, unquote(call_id)}
        candidates = {
            RequestKey(
                api=api.name, id=self._submitter.keyed_id(api=api.name, caller=caller, key=spelling)
            ): api
            for api in apis
            for spelling in spellings
        }
        keys, now_ms = list(candidates), self._clock()
        found: dict[RequestKey, RequestRecord] = {}
        try:
            for first in range(0, len(keys), _READ_AT_ONCE):
                found |= self._directory.read(keys[first : first + _READ_AT_ONCE])
        except DependencyError as error:
            raise Unavailable("The call could not be looked up just now. Try again.") from error
        return {key: candidates[key] for key, record in found.items() if record.retained(now_ms)}


def path_of_call(incoming: Incoming) -> str:
    """The path that the function sees: what stands behind its name, as it was sent.

    Taken from the URL: the variable of the route has lost its escapes and a slash at the end.
    """
    resource = incoming.path["api"]
    behind = re.search(rf"/(?:async-)?function/{re.escape(resource)}(/.*)?$", incoming.url_path, re.DOTALL)
    path = (behind[1] or "/") if behind else f"/{incoming.path.get('proxy', '')}"
    return quote(_BARE_PERCENT.sub("%25", path), safe=_PATH_CHARACTERS)


def _refuse_stored_payloads(incoming: Incoming) -> None:
    elsewhere = "goes with POST /async/{api}: OpenFaaS's contract knows no other payload than the body."
    if "x-upload-id" in incoming.headers:
        raise InvalidUpload(f"X-Upload-Id {elsewhere}")
    if "x-payload-url" in incoming.headers:
        raise InvalidPayloadUrl(f"X-Payload-Url {elsewhere}")
