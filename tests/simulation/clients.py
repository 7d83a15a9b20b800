"""People and programs that submit, submit again, and cancel."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from penstock.errors import PayloadGone, PenstockError
from penstock.records import RequestKey, Status
from tests.simulation.container import POISON
from tests.simulation.functions import NoReply
from tests.simulation.gateway import API, asking
from tests.simulation.rules import Broken, answer_of

if TYPE_CHECKING:
    from random import Random

    from gateway_lambda.incoming import Incoming
    from gateway_lambda.replies import Reply
    from tests.simulation.gateway import FrontDoor
    from tests.simulation.world import World

_LONGEST_PAUSE_SECONDS = 30
_TRIES = 6
_KEYED_RATE = 0.75
#: Others who send under the same key.
_RIVALS = (0, 1, 4)
_OTHER_BODY_RATE = 0.3
_CANCEL_RATE = 0.3
_POISON_RATE = 0.08
_LIMIT_RATE = 0.35
_LOOKS = 4
_RETRYABLE = (Status.FAILED, Status.CANCELLED, Status.EXPIRED)
#: How often a retry is asked for.
_RETRIES = (0, 1, 3)
_GARBAGE_RATE = 0.1
_DEADLINE_SECONDS = (5, 120)


class Clients:
    """So many requests, each with its own story."""

    def __init__(self, world: World, door: FrontDoor, *, count: int) -> None:
        self._world = world
        self._door = door
        self._count = count

    async def run(self) -> None:
        """Until all clients are content."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._count):
                group.create_task(self._request(number))
            if self._rng.random() < _GARBAGE_RATE:
                group.create_task(self._litter())

    @property
    def _rng(self) -> Random:
        return self._world.rng

    async def _request(self, number: int) -> None:
        await self._pause()
        poisonous = self._rng.random() < _POISON_RATE
        body = (POISON if poisonous else b"body") + f" {number}".encode()
        key = f"order-{number}" if self._rng.random() < _KEYED_RATE else None
        mine = asking(body=body, key=key, content_type="text/plain", **self._limits())
        async with asyncio.TaskGroup() as group:
            submitting = group.create_task(self._submit(mine))
            for _ in range(self._rng.choice(_RIVALS) if key is not None else 0):
                other = self._rng.random() < _OTHER_BODY_RATE
                group.create_task(self._rival(replace(mine, body=b"other " + body) if other else mine))
        accepted = submitting.result()
        if accepted is not None and self._rng.random() < _CANCEL_RATE:
            await self._pause()
            await self._cancel(accepted)
        if accepted is not None and await self._follow(accepted) in _RETRYABLE:
            await self._run_again(accepted)

    def _limits(self) -> dict[str, str]:
        limits = {}
        if self._rng.random() < _LIMIT_RATE:
            limits["x_deadline_seconds"] = str(self._rng.randint(*_DEADLINE_SECONDS))
        if self._rng.random() < _LIMIT_RATE:
            limits["x_timeout_seconds"] = str(self._rng.randint(1, API.timeout_seconds))
        return limits

    async def _litter(self) -> None:
        """Somebody else writes to the queue."""
        await self._pause()
        text = "none of yours"
        self._world.keeping.garbage.add(text)
        self._world.queue.put(text, group="strangers", deduplication_id="1")

    async def _rival(self, incoming: Incoming) -> None:
        """Somebody sends under the same key: soon, or when the first is long under way."""
        await asyncio.sleep(self._rng.choice((0.05, 0.05, 1, 30)) * self._rng.random())
        await self._submit(incoming)

    async def _submit(self, incoming: Incoming) -> RequestKey | None:
        """Until there is an answer other than "not now"; None if there never is."""
        for _ in range(_TRIES):
            try:
                answer = await self._door.call("submit", incoming)
            except NoReply:
                await self._pause()
                continue
            if answer.status == HTTPStatus.ACCEPTED and not isinstance(answer, PenstockError):
                accepted = RequestKey(api=API.name, id=json.loads(answer.body)["id"])
                self._world.keeping.accepted(accepted)
                return accepted
            if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY:
                return None
            if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                raise Broken(f"a submission was answered with {answer!r}")
            await self._pause()
        return None

    async def _cancel(self, key: RequestKey) -> None:
        """Until it is known what became of it."""
        for _ in range(_TRIES):
            try:
                answer = await self._door.call("cancel", asking(request_id=key.id))
            except NoReply:
                await self._pause()
                continue
            self._judge_cancel(key, answer.status)
            if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                return
            await self._pause()

    async def _follow(self, key: RequestKey) -> Status | None:
        """Look at it for a while, then read its result, if it has one; the end that was seen, if any."""
        ended: Status | None = None
        for _ in range(_LOOKS):
            await self._pause()
            answer = await self._ask("status", key)
            if answer is None:
                continue
            status = Status(json.loads(answer.body)["status"])
            if ended not in {None, status}:
                raise Broken(f"{key} was {ended} and is now {status}")
            ended = status if status.terminal else None
        result = await self._ask("result", key) if ended is Status.COMPLETED else None
        if result is not None and result.body != answer_of(self._world.records.rows[key]):
            raise Broken(f"the result of {key} reads {result.body!r}")
        return ended

    async def _run_again(self, key: RequestKey) -> None:
        """R1: a retry is a new request, the same one however often it is asked for."""
        made: set[RequestKey] = set()
        for _ in range(self._rng.choice(_RETRIES)):
            answer = await self._ask("retry", key)
            if answer is not None:
                again = RequestKey(api=API.name, id=json.loads(answer.body)["id"])
                made.add(again)
                self._world.keeping.accepted(again)
                if self._world.records.rows[again].retry_of != key.id:
                    raise Broken(f"{again} does not run {key} again")
            await self._pause()
        if len(made) > 1:
            raise Broken(f"{key} is run again by {made}")

    async def _ask(self, name: str, key: RequestKey) -> Reply | None:
        """One look; None if there is no answer just now."""
        try:
            answer = await self._door.call(name, asking(request_id=key.id))
        except NoReply:
            return None
        if not isinstance(answer, PenstockError):
            return answer
        hollow = isinstance(answer, PayloadGone) and key in self._world.keeping.hollow
        if hollow or answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return None
        raise Broken(f"{name} of {key} was answered with {answer!r}")

    def _judge_cancel(self, key: RequestKey, status: int) -> None:
        """R12: cancelling twice is one cancel, and 409 means that another end came first."""
        found = self._world.records.rows[key].status
        expected: dict[int, bool] = {
            HTTPStatus.OK: found is Status.CANCELLED,
            HTTPStatus.CONFLICT: found.terminal and found is not Status.CANCELLED,
            HTTPStatus.SERVICE_UNAVAILABLE: True,
        }
        if not expected.get(status, False):
            raise Broken(f"a cancel was answered with {status}, and the request is {found}")

    async def _pause(self) -> None:
        await asyncio.sleep(self._rng.random() * _LONGEST_PAUSE_SECONDS)
