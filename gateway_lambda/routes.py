"""Chalice as the router, and nothing else of it: the only module that knows the framework.

The same table drives the API Gateway methods in ``cdk``: a route without a method cannot exist.
"""

from __future__ import annotations

import base64
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPMethod
from typing import TYPE_CHECKING, Any, cast

from chalice.app import Chalice, Response

from gateway_lambda import replies
from gateway_lambda.gateway import Gateway
from gateway_lambda.incoming import Incoming
from gateway_lambda.replies import Reply
from penstock.errors import PenstockError, Unavailable, UnknownForm
from penstock.ports import DependencyError
from penstock.versions import UnknownVersion
from penstock.webhooks import own

if TYPE_CHECKING:
    from chalice.app import Request

logger = logging.getLogger(__name__)

Endpoint = Callable[[Gateway, Incoming], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path."""

    method: HTTPMethod
    path: str
    serve: Endpoint
    #: Tells apart the paths that are served alike.
    suffix: str = ""
    #: Not for the further methods of a path that takes them all: its POST speaks for them. Nor for what
    #: Penstock alone calls.
    described: bool = True

    @property
    def name(self) -> str:
        """A name that no other route has that is described."""
        return self.serve.__name__ + self.suffix


#: A function sees the method that it was called with.
_FURTHER_METHODS = (
    HTTPMethod.GET,
    HTTPMethod.HEAD,
    HTTPMethod.PUT,
    HTTPMethod.PATCH,
    HTTPMethod.DELETE,
    HTTPMethod.OPTIONS,
)

ROUTES = (
    Route(HTTPMethod.POST, "/async/{api}", Gateway.submit),
    Route(HTTPMethod.POST, own.ROUTE, Gateway.submit, "_of_own", described=False),
    Route(HTTPMethod.GET, "/async/{api}", Gateway.list_requests),
    Route(HTTPMethod.GET, "/async/{api}/{id}", Gateway.status),
    Route(HTTPMethod.DELETE, "/async/{api}/{id}", Gateway.cancel),
    Route(HTTPMethod.GET, "/async/{api}/{id}/result", Gateway.result),
    Route(HTTPMethod.POST, "/async/{api}/{id}/retry", Gateway.retry),
    Route(HTTPMethod.GET, "/dead-letters/{api}", Gateway.list_dead_letters),
    Route(HTTPMethod.GET, "/dead-letters/{api}/{id}", Gateway.dead_letter),
    Route(HTTPMethod.POST, "/dead-letters/{api}/redrive", Gateway.redrive),
    Route(HTTPMethod.POST, "/dead-letters/{api}/purge", Gateway.purge),
    Route(HTTPMethod.POST, "/uploads/{api}", Gateway.upload),
    Route(HTTPMethod.GET, "/webhooks/{api}", Gateway.list_deliveries),
    Route(HTTPMethod.GET, "/webhooks/{api}/{id}", Gateway.delivery),
    Route(HTTPMethod.POST, "/webhooks/{api}/{id}/replay", Gateway.replay),
    Route(HTTPMethod.POST, "/webhooks/{api}/replay", Gateway.replay_many),
    Route(HTTPMethod.POST, "/webhooks/{api}/test", Gateway.test_webhook),
    Route(HTTPMethod.POST, "/batch/{api}", Gateway.submit_job),
    Route(HTTPMethod.GET, "/batch/{api}", Gateway.list_jobs),
    Route(HTTPMethod.DELETE, "/batch/{api}", Gateway.stop_named_job),
    Route(HTTPMethod.GET, "/batch/{api}/{id}", Gateway.job),
    Route(HTTPMethod.DELETE, "/batch/{api}/{id}", Gateway.stop_job),
    Route(HTTPMethod.POST, "/batch/{api}/{id}/retry", Gateway.retry_job),
    Route(HTTPMethod.GET, "/batch/{api}/{id}/failed", Gateway.list_failed_batches),
    Route(HTTPMethod.GET, "/batch/{api}/{id}/failed/{batch}", Gateway.failed_batch),
    Route(HTTPMethod.GET, "/apis", Gateway.list_apis),
    Route(HTTPMethod.GET, "/apis/{api}", Gateway.api_status),
    Route(HTTPMethod.GET, "/healthz", Gateway.health),
    # A REST API allows one name for a variable per level: {api} is the call id where a call is looked up.
    Route(HTTPMethod.POST, "/async-function/{api}", Gateway.submit_function),
    Route(HTTPMethod.GET, "/async-function/{api}", Gateway.call_status),
    Route(HTTPMethod.DELETE, "/async-function/{api}", Gateway.cancel_call),
    Route(HTTPMethod.POST, "/async-function/{api}/{proxy+}", Gateway.submit_function, "_path"),
    Route(HTTPMethod.GET, "/async-function/{api}/{proxy+}", Gateway.call_status, "_of_function"),
    Route(HTTPMethod.DELETE, "/async-function/{api}/{proxy+}", Gateway.cancel_call, "_of_function"),
    Route(HTTPMethod.POST, "/function/{api}", Gateway.call_function),
    Route(HTTPMethod.POST, "/function/{api}/{proxy+}", Gateway.call_function, "_path"),
    *(
        Route(method, path, Gateway.call_function, described=False)
        for path in ("/function/{api}", "/function/{api}/{proxy+}")
        for method in _FURTHER_METHODS
    ),
)

_ANYTHING = "*/*"


def route_table() -> Mapping[str, frozenset[str]]:
    """Path to methods, for whoever builds the API in front of the function."""
    table: dict[str, set[str]] = defaultdict(set)
    for route in ROUTES:
        table[route.path].add(route.method.value)
    return {path: frozenset(methods) for path, methods in table.items()}


def build_app(gateway: Gateway) -> Callable[[Mapping[str, Any], Any], dict[str, Any]]:
    """A function from API Gateway's proxy event to its proxy response."""
    app = Chalice("penstock-gateway", configure_logs=False)
    # ``_Answer`` decides what is binary; with types of its own Chalice would check Accept first.
    app.api.binary_types.clear()
    for route in ROUTES:
        app.route(route.path, methods=[route.method.value], content_types=[_ANYTHING], name=route.name)(
            _view(app, gateway, route)
        )

    return app


class _Answer(Response):
    """A reply in Lambda's shape. Chalice's own would refuse binary to clients without Accept."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(body=reply.body, headers=dict(reply.headers), status_code=int(reply.status))
        self._text = reply.text

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:  # noqa: ARG002 - Chalice's signature
        """The Lambda proxy response."""
        encoded = self._text is None
        return {
            "statusCode": self.status_code,
            "headers": self.headers,
            "body": base64.b64encode(cast("bytes", self.body)).decode() if encoded else self._text,
            "isBase64Encoded": encoded,
        }


def _view(app: Chalice, gateway: Gateway, route: Route) -> Callable[..., Response]:
    def view(**_path: str) -> Response:
        request = cast("Request", app.current_request)
        reply = _answer(gateway, route, request.to_original_event())
        return _Answer(reply)

    return view


def _answer(gateway: Gateway, route: Route, event: Mapping[str, Any]) -> Reply:
    try:
        incoming = Incoming.from_event(event)
        gateway.admit(incoming)
        return _located(route.serve(gateway, incoming), incoming)
    except PenstockError as error:
        if error.__cause__ is not None:
            logger.warning(
                "refused after a fault", exc_info=error, extra={"action": "refuse", "code": error.code}
            )
        return replies.problem(_told(error))
    except UnknownVersion as error:
        return replies.problem(UnknownForm(str(error)))
    except DependencyError as error:
        logger.warning("a dependency failed", exc_info=error, extra={"action": "refuse"})
        return replies.problem(Unavailable("A part of the deployment did not answer. Try again."))
    except Exception:
        # The outermost boundary: a caller must get a problem document, and the log the traceback.
        logger.exception("unexpected error", extra={"action": "unexpected_error"})
        return replies.problem(PenstockError("An unexpected error happened; it has been logged."))


def _located(reply: Reply, incoming: Incoming) -> Reply:
    """The reply with its relative Location as seen from the call's own URL, which may end with a slash."""
    location = reply.headers.get("Location")
    if location is None or "://" in location or not incoming.url_path.endswith("/"):
        return reply
    return replies.with_headers(reply, {"Location": f"../{location}"})


def _told(error: PenstockError) -> PenstockError:
    """The error, or its cause if that is one that no repetition ends."""
    return UnknownForm(str(error.__cause__)) if isinstance(error.__cause__, UnknownVersion) else error
