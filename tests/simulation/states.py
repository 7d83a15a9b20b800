"""Step Functions, as far as the state machine of a batch API uses it: its real definition is run."""

from __future__ import annotations

import asyncio
import functools
import json
import re
from typing import TYPE_CHECKING, Any, Protocol

from cdk.state_machine import Machine

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from random import Random

State = dict[str, Any]

_FORMAT = re.compile(r"States\.Format\('(?P<text>[^']*)'(?P<arguments>(, \$[.\w]+)*)\)")
_EVERYTHING = "States.ALL"


class StateFailed(Exception):
    """A state ended with an error, which a retrier or a catcher may know."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class Tasks(Protocol):
    """What a state machine has done by others; both raise ``StateFailed``."""

    async def function(self, name: str, payload: Mapping[str, Any]) -> Any:
        """Call a Lambda function."""

    async def worker(self, job: str) -> Any:
        """Run an ECS task until it ends."""


@functools.cache
def definition() -> State:
    """The state machine that is deployed; functions have their own names in place of ARNs."""
    return Machine(
        api="sum",
        bucket="own",
        plan="plan",
        enqueue="enqueue",
        finish="finish",
        function_seconds=300,
        cluster="",
        shares=(),
        packed=False,
        task_family="",
        subnets="",
        security_group="",
        assign_public_ip="DISABLED",
    ).definition()


class Execution:
    """One execution; ``lines`` reads an object for a distributed map, or None if there is none."""

    def __init__(self, tasks: Tasks, *, lines: Callable[[str], list[str] | None], rng: Random) -> None:
        self._tasks = tasks
        self._lines = lines
        self._rng = rng

    async def run(self, machine: State, data: Any, context: Any = None) -> Any:
        """Go through the states; what the last one gives."""
        name: str | None = machine["StartAt"]
        while name is not None:
            state = machine["States"][name]
            try:
                result = await self._tried(state, data, context)
            except StateFailed as failed:
                catcher = _matching(state.get("Catch", []), failed)
                if catcher is None:
                    raise
                told = {"Error": failed.error, "Cause": failed.cause}
                data, name = _placed(data, told, catcher.get("ResultPath", "$")), catcher["Next"]
                continue
            if state["Type"] == "Choice":
                name = _chosen(state, data, context)
                continue
            data = _placed(data, result, state.get("ResultPath", "$"))
            name = None if state.get("End") or state["Type"] == "Succeed" else state["Next"]
        return data

    async def _tried(self, state: State, data: Any, context: Any) -> Any:
        tries: dict[int, int] = {}
        while True:
            try:
                return await self._entered(state, data, context)
            except StateFailed as failed:
                retrier = _matching(state.get("Retry", []), failed)
                if retrier is None:
                    raise
                done = tries.get(id(retrier), 0)
                if done >= retrier.get("MaxAttempts", 3):
                    raise
                tries[id(retrier)] = done + 1
                seconds = min(retrier["MaxDelaySeconds"], retrier["IntervalSeconds"] * 2**done)
                await asyncio.sleep(self._rng.random() * seconds)

    async def _entered(self, state: State, data: Any, context: Any) -> Any:
        kinds: dict[str, Callable[[State, Any, Any], Coroutine[Any, Any, Any]]] = {
            "Task": self._task,
            "Map": self._map,
            "Parallel": self._parallel,
            "Wait": self._wait,
        }
        if state["Type"] in kinds:
            return await kinds[state["Type"]](state, data, context)
        return state.get("Result", data)

    async def _task(self, state: State, data: Any, context: Any) -> Any:
        if state["Resource"].endswith("ecs:runTask.sync"):
            return await self._tasks.worker(data["job"])
        told = _filled(state["Parameters"]["Payload"], data, context)
        # What passes from state to state is JSON.
        payload = json.loads(json.dumps(told))
        answer = {"Payload": await self._tasks.function(state["Parameters"]["FunctionName"], payload)}
        answer = json.loads(json.dumps(answer))
        return _filled(state["ResultSelector"], answer, context) if "ResultSelector" in state else answer

    async def _map(self, state: State, data: Any, context: Any) -> Any:
        reader = _filled(state["ItemReader"]["Parameters"], data, context)
        lines = self._lines(reader["Key"])
        if lines is None:
            raise StateFailed("States.ItemReaderFailed", reader["Key"])
        children = []
        for line in lines:
            inner = {"Map": {"Item": {"Value": json.loads(line)}}}
            item = _filled(state["ItemSelector"], data, inner)
            children.append(self.run(state["ItemProcessor"], item, inner))
        if state.get("ToleratedFailurePercentage") == 100:
            await asyncio.gather(*map(_tolerated, children))
        else:
            await _all(children)
        return None

    async def _parallel(self, state: State, data: Any, context: Any) -> Any:
        await _all([self.run(branch, data, context) for branch in state["Branches"]])

    async def _wait(self, state: State, data: Any, context: Any) -> Any:
        await asyncio.sleep(_value(state["SecondsPath"], data, context))
        return data


async def _all(branches: list[Coroutine[Any, Any, Any]]) -> None:
    """Run all; the first that fails ends the others."""
    tasks = [asyncio.ensure_future(branch) for branch in branches]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _tolerated(child: Coroutine[Any, Any, Any]) -> None:
    try:
        await child
    except StateFailed:
        return


def _matching(rules: list[State], failed: StateFailed) -> State | None:
    return next(
        (rule for rule in rules if failed.error in rule["ErrorEquals"] or _EVERYTHING in rule["ErrorEquals"]),
        None,
    )


def _chosen(state: State, data: Any, context: Any) -> str:
    for choice in state["Choices"]:
        value = _value(choice["Variable"], data, context)
        if value == choice.get("BooleanEquals", choice.get("StringEquals")):
            return str(choice["Next"])
    return str(state["Default"])


def _placed(data: Any, result: Any, path: str | None) -> Any:
    if path is None:
        return data
    return result if path == "$" else {**data, path.removeprefix("$."): result}


def _filled(template: Any, data: Any, context: Any) -> Any:
    if not isinstance(template, dict):
        return template
    return {
        name.removesuffix(".$"): (
            _value(value, data, context) if name.endswith(".$") else _filled(value, data, context)
        )
        for name, value in template.items()
    }


def _value(path: str, data: Any, context: Any) -> Any:
    if found := _FORMAT.fullmatch(path):
        arguments = re.findall(r"\$[.\w]+", found["arguments"])
        return found["text"].format(*(_value(argument, data, context) for argument in arguments))
    root, _, rest = path.partition(".")
    value = context if root == "$$" else data
    for member in rest.split(".") if rest else ():
        value = value[member]
    return value
