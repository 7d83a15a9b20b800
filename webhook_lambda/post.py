"""What is sent: the URL, the headers, the signatures, and where it may go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from penstock import __version__
from penstock.ports import ObjectMissing
from penstock.tracing.ports import TRACEPARENT
from penstock.webhooks import own, signature, urls
from penstock.webhooks.deliveries import Target
from penstock.webhooks.errors import CallbackApiRefused, CallbackRefused
from penstock.webhooks.schedule import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.catalogue import Catalogue
    from penstock.ports import Clock, Objects
    from penstock.webhooks.deliveries import Delivery
    from penstock.webhooks.guard import Admitted, Guard
    from penstock.webhooks.ports import SigningSecrets
    from penstock.webhooks.schedule import Answer


class Calls(Protocol):
    """Makes the call itself."""

    def post(self, admitted: Admitted, body: bytes, headers: Mapping[str, str]) -> Answer | NoAnswer:
        """Call, and say what came back."""


class Signer(Protocol):
    """Signs calls of our own API."""

    def signed(self, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers with the signature among them."""


class Undeliverable(Exception):
    """What should be sent is not there, nor will it be; the text is the delivery's ``reason``."""


#: The function's body has been removed: its retention is over, or the request was purged.
RESULT_GONE = "result_gone"
#: A container would take the empty body of a callback with a link for its input.
RESULT_TOO_LARGE = "result_too_large"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Where a delivery goes."""

    url: str
    #: The name that calls are counted by.
    host: str
    #: Whether it is a submission to an API of ours.
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Sends deliveries."""

    base_url: str
    catalogue: Catalogue
    guard: Guard
    #: For our own API, which needs not be in the deployment's lists.
    own_guard: Guard
    secrets: SigningSecrets
    #: Bodies of functions, for callbacks by OpenFaaS's contract.
    objects: Objects
    signer: Signer
    calls: Calls
    clock: Clock

    def prepare(self, delivery: Delivery) -> Outgoing:
        """Where it goes.

        A class of ``CallbackRefused`` if it may never go there, ``Undeliverable`` if it cannot.
        """
        call = own.own_call(delivery.url, base_url=self.base_url)
        if call is None:
            return Outgoing(delivery.url, urls.parse(delivery.url).host, own=False)
        own.check_depth(delivery.depth + 1)
        api = self.catalogue.named(delivery.api)
        if delivery.target is Target.CALLBACK and (api is None or call.endpoint not in api.webhook_chain):
            raise CallbackApiRefused(f"API {delivery.api} has no {call.endpoint} in its webhook.chain.")
        if delivery.answer is not None and delivery.answer.link is not None:
            raise Undeliverable(RESULT_TOO_LARGE)
        url = self.base_url + call.path
        return Outgoing(url, urls.parse(url).host, own=True)

    def send(self, outgoing: Outgoing, delivery: Delivery) -> Answer | NoAnswer:
        """One call. Its address is looked up and checked now, and connected to as checked.

        The receiver can go on with the delivery's trace.

        ``Undeliverable`` if there is nothing to send any more; ``DependencyError`` if that is not known.
        """
        body, described = self._content(delivery)
        now_ms = self.clock()
        headers = {
            **described,
            "User-Agent": f"penstock/{__version__}",
            "Connection": "close",
            **signature.headers(
                delivery.event_id, body, secrets=self.secrets.of(delivery.api, now_ms=now_ms), now_ms=now_ms
            ),
            **({TRACEPARENT: delivery.trace} if delivery.trace else {}),
        }
        if outgoing.own:
            # A delivery that is repeated starts the next request once.
            headers |= {"Idempotency-Key": delivery.event_id, own.DEPTH_HEADER: str(delivery.depth + 1)}
            headers = self.signer.signed(outgoing.url, body, headers)
        try:
            admitted = (self.own_guard if outgoing.own else self.guard).admit(outgoing.url)
        except CallbackRefused as error:
            return NoAnswer(error.code)
        return self.calls.post(admitted, body, headers)

    def _content(self, delivery: Delivery) -> tuple[bytes, dict[str, str]]:
        """The body, and the headers that tell what it is."""
        answer = delivery.answer
        if answer is None:
            return delivery.body.encode(), {"Content-Type": "application/json"}
        try:
            body = b"" if answer.key is None else self.objects.read(answer.key)
        except ObjectMissing as error:
            # An empty body would pass for the function's own.
            raise Undeliverable(RESULT_GONE) from error
        return body, answer.sent_headers
