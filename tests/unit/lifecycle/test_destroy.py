"""How a deployment is taken down, step by step, and what of it stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.lifecycle.destroy import CLUSTER_SECONDS, Destroyer
from penstock.lifecycle.estate import Crowd, Estate, Service, Stack
from penstock.lifecycle.plan import Act, Step, destruction
from penstock.testing.account import MemoryAccount

WORDS = Service(cluster="penstock-prod", name="words")
GPU = Service(cluster="penstock-prod_gpu", name="gpu")
WHOLE = Estate(
    deployment="prod",
    stacks=(
        *(
            Stack(name=f"penstock-prod-{part}", part=part)
            for part in (
                *("data", "network", "gateway", "webhooks", "recovery", "scaling", "batch", "monitoring"),
                "novel",
            )
        ),
        Stack(name="penstock-prod-api-words", part="api-words", services=(WORDS,)),
        Stack(
            name="penstock-prod-api-gpu",
            part="api-gpu",
            services=(GPU,),
            clusters=("penstock-prod_gpu",),
            groups=("gpu-group",),
        ),
        Stack(name="penstock-prod-api-sums", part="api-sums", machines=("arn:machine",)),
    ),
    executions=("arn:execution",),
    queues=("https://sqs/penstock-prod_1",),
    timers=("penstock-prod_1",),
    keys=("k1",),
    table="penstock-prod",
    bucket="penstock-prod-1-eu",
    log_groups=("/penstock/prod/words",),
    secrets=("penstock/prod/webhook/words",),
)


def order(steps, *acts: Act) -> list[str]:
    return [step.target for step in steps if step.act in acts]


def test_the_door_is_closed_first_and_nothing_goes_that_another_still_needs():
    steps = destruction(WHOLE, data=True)
    stacks = [name.removeprefix("penstock-prod-") for name in order(steps, Act.DELETE_STACK)]

    assert stacks == [
        *("gateway", "api-words", "api-gpu", "api-sums"),
        *("batch", "scaling", "recovery", "webhooks", "monitoring", "network", "novel", "data"),
    ]
    position = {step: index for index, step in enumerate(steps)}
    last_stop = max(position[step] for step in steps if step.act is Act.STOP_SERVICE)
    waits = [position[step] for step in steps if step.act is Act.EMPTY_CLUSTER]
    released = [position[step] for step in steps if step.act is Act.RELEASE_INSTANCES]
    first_api = position[Step(Act.DELETE_STACK, "penstock-prod-api-words")]
    # The trap of Managed Instances: a provider goes only when its instances have gone.
    assert last_stop < min(released) < min(waits) <= max(waits) < first_api
    assert order(steps, Act.EMPTY_CLUSTER) == ["penstock-prod", "penstock-prod_gpu"]
    assert (
        position[Step(Act.EMPTY_BUCKET, "penstock-prod-1-eu")]
        < position[Step(Act.DELETE_STACK, "penstock-prod-data")]
    )


def test_without_data_everything_stays_that_holds_some_and_what_finds_it():
    steps = destruction(WHOLE, data=False)

    assert "penstock-prod-data" not in order(steps, Act.DELETE_STACK)
    of_data = {Act.EMPTY_BUCKET, Act.DELETE_BUCKET, Act.DELETE_TABLE, Act.DELETE_SECRET, Act.DELETE_LOG_GROUP}
    assert not of_data & {step.act for step in steps}


def test_nothing_is_done_about_nothing():
    assert destruction(Estate(deployment="prod"), data=True) == ()


class Yard:
    """A destroyer with time that passes when it waits."""

    def __init__(self, estate: Estate = WHOLE) -> None:
        self.account = MemoryAccount(estate)
        self.now = 0.0
        self.said: list[str] = []
        self.destroyer = Destroyer(
            self.account, clock=lambda: self.now, sleep=self._sleep, told=self.said.append
        )

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


def test_everything_goes_and_the_scaling_lets_it():
    yard = Yard()
    yard.account.tasks = {"words": 3, "gpu": 1}

    assert yard.destroyer.destroy(data=True) == []
    assert yard.account.here == Estate(deployment="prod")
    assert yard.account.tasks == {"words": 0, "gpu": 0}
    assert yard.account.following == {"words": False, "gpu": False}


def test_it_waits_for_instances_to_leave_and_tells_of_them():
    yard = Yard()
    yard.account.crowds["penstock-prod_gpu"] = [
        Crowd(tasks=2, instances=1),
        Crowd(tasks=0, instances=1),
    ]

    assert yard.destroyer.destroy(data=False) == []
    assert "    2 tasks, 1 instance" in yard.said
    assert yard.now == 10


def test_instances_that_stay_are_told_of_and_the_rest_goes():
    yard = Yard()
    yard.account.crowds["penstock-prod_gpu"] = [Crowd(tasks=0, instances=1)] * 1000
    yard.account.stuck["penstock-prod-api-gpu"] = "DELETE_FAILED: Provider: instances are running"

    left = yard.destroyer.destroy(data=True)

    assert {str(one.step): one.reason for one in left} == {
        "wait for tasks and instances of penstock-prod_gpu": (
            "after 15 minutes there are 0 tasks, 1 instance"
        ),
        "delete stack penstock-prod-api-gpu": "DELETE_FAILED: Provider: instances are running",
    }
    assert yard.now >= CLUSTER_SECONDS
    assert [stack.part for stack in yard.account.here.stacks] == ["api-gpu"]


def test_what_came_while_the_rest_went_goes_too():
    yard = Yard()
    delete = yard.account.delete_stack

    def making(name: str, *, told) -> None:
        delete(name, told=told)
        if name == "penstock-prod-api-sums":
            yard.account.here = replace(yard.account.here, queues=("https://sqs/penstock-prod_late",))

    yard.account.delete_stack = making  # type: ignore[method-assign]  # what AWS does meanwhile

    assert yard.destroyer.destroy(data=True) == []
    assert "remove from queues https://sqs/penstock-prod_late" in yard.account.done


def test_what_is_gone_but_listed_for_another_minute_is_not_left():
    yard = Yard()
    late = "https://sqs/penstock-prod_1"
    see = yard.account.estate
    yard.account.estate = lambda: replace(see(), queues=(late,))  # type: ignore[method-assign]  # as SQS does

    assert yard.destroyer.destroy(data=True) == []


def test_what_fails_when_it_is_done_again_is_left():
    yard = Yard()
    see, looks = yard.account.estate, 0

    def looked():
        nonlocal looks
        looks += 1
        if looks > 1:
            yard.account.failing.add("penstock-prod")
        return replace(see(), table="penstock-prod")

    yard.account.estate = looked  # type: ignore[method-assign]  # the fault is planted from inside

    left = yard.destroyer.destroy(data=True)
    assert [one.step for one in left] == [Step(Act.DELETE_TABLE, "penstock-prod")]


@given(st.integers(min_value=0, max_value=40))
def test_broken_off_anywhere_it_goes_on_where_it_was(steps):
    """Ctrl-C after any number of steps, then the same command again."""
    yard = Yard()
    do, count = yard.account._do, 0

    def broken(what: str, target: str) -> None:
        nonlocal count
        count += 1
        if count > steps:
            raise KeyboardInterrupt
        do(what, target)

    yard.account._do = broken  # type: ignore[method-assign]  # the fault is planted from inside
    try:
        yard.destroyer.destroy(data=True)
    except KeyboardInterrupt:
        yard.account._do = do  # type: ignore[method-assign]  # as above

    assert yard.destroyer.destroy(data=True) == []
    assert yard.account.here == Estate(deployment="prod")


@pytest.mark.parametrize("failing", ["k1", "arn:execution", "words", "penstock-prod_1", "penstock-prod"])
def test_what_fails_is_told_with_its_reason_and_done_by_the_next_run(failing):
    yard = Yard()
    yard.account.failing.add(failing)

    left = yard.destroyer.destroy(data=True)
    assert all("throttled" in one.reason for one in left)
    yard.account.failing.clear()
    assert yard.destroyer.destroy(data=True) == []
    assert yard.account.here == Estate(deployment="prod")
