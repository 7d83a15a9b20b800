"""The front door: each call is a process of its own that runs the real gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from gateway_lambda.gateway import Gateway
from gateway_lambda.incoming import Incoming
from gateway_lambda.recovery import Recovery
from gateway_lambda.requests import Requests
from gateway_lambda.retry import Retrier
from gateway_lambda.submit import Submitter
from gateway_lambda.waiting import Waiter
from gateway_lambda.webhooks import Webhooks
from penstock.catalogue import ApiEntry, Catalogue
from penstock.errors import PenstockError
from penstock.testing import MemoryCopies
from tests.simulation.functions import invoke
from tests.simulation.replay import Inline
from tests.simulation.scripted import Copies, Objects, Outbox, Records

if TYPE_CHECKING:
    from gateway_lambda.replies import Reply
    from tests.simulation.functions import Call
    from tests.simulation.world import World

_DEPLOYMENT = "simulated"

API = ApiEntry(
    name="words",
    endpoint="words",
    timeout_seconds=60,
    max_attempts=3,
    retention_seconds=86_400,
    inline_result_bytes=0,
)


class FrontDoor:
    """What clients call."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def call(self, name: str, incoming: Incoming) -> Reply | PenstockError:
        """The reply of one method of the gateway, or its error; ``NoReply`` if it died."""

        def code(call: Call) -> Reply | PenstockError:
            try:
                return getattr(self._gateway(call), name)(incoming)
            except PenstockError as error:
                return error

        return await invoke(self._world, "gateway", code)

    def _gateway(self, call: Call) -> Gateway:
        world, script, clock = self._world, call.script, call.clock
        records = Records(world.network, script, world.records)
        objects = cast("Any", Objects(world.network, script, world.objects, world.records))
        unused, executor = cast("Any", None), Inline(script)
        submitter = Submitter(
            deployment=_DEPLOYMENT,
            records=records,
            objects=objects,
            outbox=Outbox(world.network, script, world.outbox),
            executor=executor,
            clock=clock,
        )
        retrier = Retrier(
            deployment=_DEPLOYMENT,
            records=records,
            objects=objects,
            copies=Copies(world.network, script, MemoryCopies(world.objects)),
            submitter=submitter,
            clock=clock,
        )
        requests = Requests(records, clock)
        return Gateway(
            catalogue=Catalogue((API,)),
            submitter=submitter,
            uploads=unused,
            requests=requests,
            objects=objects,
            waiter=Waiter(
                records=records,
                slots=unused,
                slot_count=0,
                executor=executor,
                clock=clock,
                sleep=unused,
                choose=unused,
            ),
            overview=unused,
            recovery=Recovery(
                requests=requests,
                listing=unused,
                directory=unused,
                bulk=unused,
                retrier=retrier,
                records=records,
                objects=objects,
                clock=clock,
                on_accepted=_uncounted,
            ),
            functions=unused,
            statuses=unused,
            webhooks=Webhooks(
                deployment=_DEPLOYMENT,
                records=records,
                jobs=unused,
                deliveries=unused,
                endpoints=unused,
                lanes=unused,
                guard=unused,
                clock=clock,
            ),
            batch=unused,
            on_accepted=_uncounted,
        )


def _uncounted(_api: ApiEntry, _replayed: bool) -> None:  # noqa: FBT001 - as the gateway calls it
    """Nobody reads the metrics."""


def asking(
    *, request_id: str | None = None, body: bytes = b"", key: str | None = None, **headers: str
) -> Incoming:
    """A request to the gateway."""
    path = {"api": API.endpoint} | ({} if request_id is None else {"id": request_id})
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        told["idempotency-key"] = key
    return Incoming(path=path, headers=told, query="", body=body, caller="anonymous")
