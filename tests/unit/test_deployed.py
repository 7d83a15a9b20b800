"""APIs that have left the configuration, as the shared functions know them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from penstock.catalogue import ApiEntry, Catalogue
from penstock.deployed import MAX_AGE_MS, PAUSE_MS, DeployedApi, Remembered
from penstock.errors import ApiRemoved, UnknownApi
from penstock.kinds import Kind
from penstock.ports import DependencyError
from penstock.testing.clock import ManualClock
from penstock.testing.deployed import MemoryDeployedApis
from penstock.versions import VERSION, UnknownVersion

HERE = ApiEntry(
    name="resize",
    endpoint="resize-images",
    timeout_seconds=60,
    max_attempts=3,
    retention_seconds=600,
    inline_result_bytes=100,
)
GONE = replace(
    HERE,
    name="echo",
    endpoint="say",
    webhook_url="https://hooks.example.com/x",
    webhook_events=("completed",),
    webhook_chain=("resize-images",),
)
GONE_JOBS = replace(GONE, name="sum", endpoint="sums", kind=Kind.BATCH)


class Shelf:
    def __init__(self) -> None:
        self.clock = ManualClock(1_700_000_000_000)
        self.stacks = MemoryDeployedApis()
        self.remembered = Remembered(self.stacks, clock=self.clock)
        self.catalogue = Catalogue((HERE,), departed=self.remembered.entries)


@pytest.fixture
def shelf():
    shelf = Shelf()
    for entry in (HERE, GONE, GONE_JOBS):
        shelf.stacks.add(DeployedApi(entry))
    return shelf


def test_what_has_left_is_found_by_its_path_its_name_and_its_kind(shelf):
    assert shelf.catalogue.find("say") == GONE
    assert shelf.catalogue.of_any_kind("sums") == GONE_JOBS
    assert shelf.catalogue.named("echo") == GONE
    assert shelf.catalogue.left(Kind.ASYNC) == (GONE,)
    assert shelf.catalogue.left(Kind.BATCH) == (GONE_JOBS,)


def test_what_has_left_takes_nothing_new_and_says_why(shelf):
    with pytest.raises(ApiRemoved, match="not in the configuration any more"):
        shelf.catalogue.accepting("say")
    assert shelf.catalogue.accepting("resize-images") == HERE


def test_nobody_pays_for_what_has_left_on_the_way_to_what_is_there(shelf):
    shelf.catalogue.find("resize-images")
    shelf.catalogue.named("resize")
    shelf.catalogue.of(Kind.ASYNC)

    assert shelf.stacks.reads == 0


def test_strangers_make_no_more_than_a_call_a_minute(shelf):
    for _ in range(50):
        with pytest.raises(UnknownApi):
            shelf.catalogue.find("nothing")
    assert shelf.stacks.reads == 1

    shelf.clock.advance(MAX_AGE_MS / 1000)
    with pytest.raises(UnknownApi):
        shelf.catalogue.find("nothing")
    assert shelf.stacks.reads == 2


def test_an_api_is_found_no_more_when_its_stack_is_gone(shelf):
    assert shelf.catalogue.named("echo") is not None
    del shelf.stacks.texts["echo"]
    shelf.clock.advance(MAX_AGE_MS / 1000)

    assert shelf.catalogue.named("echo") is None


def test_what_was_known_holds_while_it_cannot_be_read(shelf):
    shelf.catalogue.find("say")
    shelf.stacks.reachable = False
    shelf.clock.advance(MAX_AGE_MS / 1000)

    assert shelf.catalogue.find("say") == GONE
    assert shelf.catalogue.find("say") == GONE
    assert shelf.stacks.reads == 2
    shelf.clock.advance(PAUSE_MS / 1000)
    shelf.catalogue.find("say")
    assert shelf.stacks.reads == 3


def test_nobody_is_told_that_an_api_does_not_exist_while_that_is_not_known(shelf):
    shelf.stacks.reachable = False

    with pytest.raises(DependencyError):
        shelf.catalogue.find("say")


@pytest.mark.parametrize("taken", ["name", "endpoint"])
def test_what_has_left_is_hidden_by_an_api_that_has_its_name_or_its_path(shelf, taken):
    newer = replace(HERE, **{taken: getattr(GONE, taken)})
    catalogue = Catalogue((newer,), departed=shelf.remembered.entries)

    assert GONE not in catalogue.left(Kind.ASYNC)
    assert getattr(newer, taken) == getattr(GONE, taken)


def test_lists_that_only_new_requests_need_are_left_out_of_the_parameter():
    long = replace(GONE, input_buckets=tuple(f"bucket-{number:058}" for number in range(100)))
    text = DeployedApi(long).to_json()

    assert len(text) < 4096
    assert DeployedApi.from_json(text).entry == GONE


def test_a_stack_of_an_earlier_or_later_release_is_understood():
    content = json.loads(DeployedApi(GONE).to_json())
    content["entry"]["sheen"] = "new"
    del content["entry"]["webhook_inline_bytes"]

    assert DeployedApi.from_json(json.dumps(content)).entry == GONE


def test_a_stack_of_a_later_version_is_not_misread():
    content = json.loads(DeployedApi(GONE).to_json()) | {"v": VERSION + 1}

    with pytest.raises(UnknownVersion, match="upgrade this part"):
        DeployedApi.from_json(json.dumps(content))
