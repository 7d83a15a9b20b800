"""Which stacks of APIs that have left may go, and which must stay."""

from __future__ import annotations

from penstock.lifecycle.estate import Estate, Service, Stack, Work
from penstock.lifecycle.prune import Pruner
from penstock.testing.account import MemoryAccount

SERVICE = Service(cluster="penstock-prod", name="old")
OLD = Stack(name="penstock-prod-api-old", part="api-old", services=(SERVICE,))
JOBS = Stack(name="penstock-prod-api-sums", part="api-sums", machines=("arn:machine",))
HERE = Stack(name="penstock-prod-api-here", part="api-here")
BATCH = Stack(name="penstock-prod-batch", part="batch")
DATA = Stack(name="penstock-prod-data", part="data")


class Yard:
    def __init__(self) -> None:
        self.account = MemoryAccount(Estate(deployment="prod", stacks=(DATA, BATCH, HERE, OLD, JOBS)))
        self.pruner = Pruner(self.account, configured={"api-here", "scaling"}, told=lambda _: None)

    def prune(self) -> dict[str, str | None]:
        outcomes = self.pruner.delete(self.pruner.candidates())
        return {outcome.candidate.stack.part: outcome.refused for outcome in outcomes}

    @property
    def parts(self) -> list[str]:
        return [stack.part for stack in self.account.here.stacks]


def test_what_is_done_goes_and_what_no_api_needs_any_more_with_it():
    yard = Yard()

    assert yard.prune() == {"api-old": None, "api-sums": None, "batch": None}
    assert yard.parts == ["data", "api-here"]


def test_what_has_work_stays_with_its_count_and_so_does_what_it_needs():
    yard = Yard()
    yard.account.left[JOBS.name] = Work(jobs=2)
    yard.account.left[OLD.name] = Work(visible=3, in_flight=1, open=4)

    assert yard.prune() == {
        "api-old": "3 in the queue, 1 being worked on, 4 open requests",
        "api-sums": "2 running jobs",
    }
    assert yard.parts == ["data", "batch", "api-here", "api-old", "api-sums"]


def test_a_service_that_sleeps_over_its_work_is_given_one_task_and_its_scaling_goes_on():
    yard = Yard()
    yard.account.left[OLD.name] = Work(visible=1)
    [old, _] = yard.pruner.candidates()

    assert old.woken
    assert yard.account.tasks == {"old": 1}
    assert yard.account.following == {"old": True}
    [old, _] = yard.pruner.candidates()
    assert not old.woken


def test_what_the_deployed_gateway_still_takes_requests_for_stays():
    yard = Yard()
    yard.account.takes = frozenset({"old"})

    refused = yard.prune()
    assert refused["api-old"] == "the deployed gateway takes requests for it: deploy the configuration first"
    assert refused["api-sums"] is None


def test_what_comes_in_between_the_look_and_the_deletion_is_not_lost():
    yard = Yard()
    candidates = yard.pruner.candidates()
    yard.account.left[OLD.name] = Work(visible=1)

    outcomes = {one.candidate.stack.part: one.refused for one in yard.pruner.delete(candidates)}
    assert outcomes["api-old"] == "1 in the queue"
    assert "api-old" in yard.parts


def test_a_stack_that_cannot_be_deleted_is_told_of_and_keeps_no_other():
    yard = Yard()
    yard.account.stuck[OLD.name] = "DELETE_FAILED: Queue: access denied"

    assert yard.prune() == {"api-old": "DELETE_FAILED: Queue: access denied", "api-sums": None}


def test_what_no_api_needs_any_more_and_stays_is_told_of_and_goes_the_next_time():
    yard = Yard()
    yard.account.stuck[BATCH.name] = "DELETE_FAILED: Role: access denied"

    assert yard.prune()["batch"] == "DELETE_FAILED: Role: access denied"
    assert yard.parts == ["data", "batch", "api-here"]
    yard.account.stuck.clear()
    assert yard.prune() == {"batch": None}
    assert yard.prune() == {}
