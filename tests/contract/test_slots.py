from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from penstock.messages import Message
from penstock.overview import Depth
from tests.examples import KEY, NOW_MS

LATER_MS = NOW_MS + 20_000


def take(backend, token, *, slot=3, now_ms=NOW_MS):
    return backend.slots.take(slot, token=token, now_ms=now_ms, until_ms=LATER_MS)


def test_a_slot_has_one_holder_until_it_is_freed(backend):
    assert take(backend, "a")
    assert not take(backend, "b")
    assert take(backend, "b", slot=4)
    backend.slots.free(3, token="a")
    assert take(backend, "b")


def test_taking_it_again_after_a_lost_answer_is_ones_own_effect(backend):
    assert take(backend, "a")
    assert take(backend, "a")


def test_only_its_holder_frees_a_slot_and_freeing_twice_is_fine(backend):
    take(backend, "a")
    backend.slots.free(3, token="b")
    assert not take(backend, "b")
    backend.slots.free(3, token="a")
    backend.slots.free(3, token="a")


def test_a_slot_whose_holder_died_frees_itself(backend):
    take(backend, "a")
    assert not take(backend, "b", now_ms=LATER_MS)
    assert take(backend, "b", now_ms=LATER_MS + 1)


def test_of_many_at_once_one_gets_it(backend):
    if backend.name == "moto":
        pytest.skip("moto checks and writes without a lock: now and then two of its threads win")
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda token: take(backend, token), "abcdefgh")) == 1


async def test_a_queue_tells_what_waits_and_what_is_worked_on(backend):
    assert backend.queues.depth("word-count") == Depth(visible=0, in_flight=0)
    backend.outbox.send(Message(KEY))
    assert backend.queues.depth("word-count") == Depth(visible=1, in_flight=0)
    await backend.source.receive(limit=1, wait_seconds=1)
    assert backend.queues.depth("word-count") == Depth(visible=0, in_flight=1)
