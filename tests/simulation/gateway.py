"""The front door: each call is a process of its own that runs the real gateway."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from gateway_lambda.gateway import Gateway
from gateway_lambda.incoming import Incoming
from gateway_lambda.submit import Submitter
from gateway_lambda.waiting import Waiter
from penstock.catalogue import ApiEntry, Catalogue
from penstock.errors import PenstockError
from tests.simulation.ports import Objects, Outbox, Records
from tests.simulation.replay import Inline, Script

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway_lambda.replies import Reply
    from tests.simulation.loop import Process
    from tests.simulation.world import World

API = ApiEntry(
    name="words",
    endpoint="words",
    timeout_seconds=60,
    max_attempts=3,
    retention_seconds=86_400,
    inline_result_bytes=0,
)


class NoReply(Exception):
    """The function died, or something on the way did."""


class FrontDoor:
    """What clients call."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._calls = 0

    async def call(self, name: str, incoming: Incoming) -> Reply | PenstockError:
        """The reply of one method of the gateway, or its error; ``NoReply`` if it died."""
        self._calls += 1
        process = self._world.process(f"gateway-{self._calls}", "gateway")
        heard: asyncio.Future[Reply | PenstockError] = asyncio.get_running_loop().create_future()

        def died() -> None:
            if not heard.done():
                heard.set_exception(NoReply())

        process.on_death.append(died)
        process.spawn(self._serve(process, name, incoming, heard))
        return await heard

    async def _serve(self, process: Process, name: str, incoming: Incoming, heard: Any) -> None:
        script = Script()
        try:
            handle: Callable[[Incoming], Reply] = getattr(self._gateway(process, script), name)
            heard.set_result(await script.play(lambda: handle(incoming), self._world.mint))
        except PenstockError as error:
            heard.set_result(error)
        except Exception as error:  # noqa: BLE001 - the client raises it, which ends the schedule
            heard.set_exception(error)

    def _gateway(self, process: Process, script: Script) -> Gateway:
        world = self._world
        records = Records(world.network, script, world.records)
        objects = Objects(world.network, script, world.objects, world.records)
        clock_of = world.clock_of(process)

        def clock() -> int:
            return script.read(clock_of)

        return Gateway(
            catalogue=Catalogue((API,)),
            submitter=Submitter(
                deployment="simulated",
                records=records,
                objects=cast("Any", objects),
                outbox=Outbox(world.network, script, world.outbox),
                executor=Inline(script),
                clock=clock,
            ),
            uploads=cast("Any", None),
            records=records,
            objects=cast("Any", objects),
            clock=clock,
            waiter=Waiter(
                records=records,
                slots=cast("Any", None),
                slot_count=0,
                executor=Inline(script),
                clock=clock,
                sleep=cast("Any", None),
                choose=cast("Any", None),
            ),
            overview=cast("Any", None),
            functions=cast("Any", None),
            on_accepted=lambda _api, _replayed: None,
        )


def asking(
    *, request_id: str | None = None, body: bytes = b"", key: str | None = None, **headers: str
) -> Incoming:
    """A request to the gateway."""
    path = {"api": API.endpoint} | ({} if request_id is None else {"id": request_id})
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        told["idempotency-key"] = key
    return Incoming(path=path, headers=told, query="", body=body, caller="anonymous")
