from __future__ import annotations

import asyncio

from penstock import ids
from penstock.batch.jobs import JobKey
from penstock.batch.messages import CompleteMessage, decode
from penstock.messages import Message
from penstock.records import RequestKey
from tests.contract.conftest import deviates


def fresh() -> Message:
    return Message(RequestKey(api="word-count", id=ids.new_request_id()))


async def receive(backend, limit=10, wait_seconds=1):
    return list(await backend.source.receive(limit=limit, wait_seconds=wait_seconds))


async def test_what_is_sent_is_received_with_its_text_and_count(backend):
    message = fresh()
    backend.outbox.send(message)
    (delivery,) = await receive(backend)
    assert Message.decode(delivery.body) == message
    assert delivery.receive_count == 1
    assert delivery.group == message.key.id
    assert delivery.handle
    assert delivery.message_id


async def test_a_jobs_last_message_is_one_however_many_workers_send_it(backend):
    message = CompleteMessage(job=JobKey(api="sum", id="69d6f8a1b2c3d4e5"))
    for _ in range(3):
        await backend.sender.send(message)
    (delivery,) = await receive(backend)
    assert decode(delivery.body) == message


async def test_an_empty_queue_gives_nothing(backend):
    assert await receive(backend) == []


async def test_up_to_the_limit_is_received_at_once(backend):
    messages = [fresh() for _ in range(5)]
    for message in messages:
        backend.outbox.send(message)
    first = await receive(backend, limit=3)
    rest = await receive(backend, limit=10)
    assert (len(first), len(rest)) == (3, 2)
    assert {delivery.body for delivery in first + rest} == {message.encode() for message in messages}


async def test_a_long_poll_returns_as_soon_as_something_arrives(backend):
    polling = asyncio.create_task(receive(backend, wait_seconds=10))
    await asyncio.sleep(0.1)
    if backend.name == "memory":  # its event belongs to this loop
        backend.outbox.send(fresh())
    else:
        await asyncio.to_thread(backend.outbox.send, fresh())
    async with asyncio.timeout(5):
        assert len(await polling) == 1


async def test_a_received_message_is_hidden_and_comes_back_after_its_timeout(backend):
    backend.outbox.send(fresh())
    (first,) = await receive(backend)
    assert await receive(backend, wait_seconds=0) == []
    async with asyncio.timeout(6):
        while not (again := await receive(backend)):
            pass
    assert again[0].message_id == first.message_id
    assert again[0].receive_count == 2


async def test_an_extension_keeps_a_message_hidden_past_its_timeout(backend):
    backend.outbox.send(fresh())
    (delivery,) = await receive(backend)
    await backend.source.extend(delivery, seconds=30)
    assert await receive(backend, wait_seconds=3) == []


async def test_a_released_message_is_received_again_at_once(backend):
    backend.outbox.send(fresh())
    (delivery,) = await receive(backend)
    await backend.source.release(delivery, delay_seconds=0)
    (again,) = await receive(backend)
    assert again.message_id == delivery.message_id


async def test_acknowledged_messages_are_gone(backend):
    for _ in range(3):
        backend.outbox.send(fresh())
    deliveries = await receive(backend)
    await backend.source.ack(deliveries)
    assert await receive(backend, wait_seconds=3) == []


async def test_the_same_id_sent_again_is_swallowed(backend):
    message = fresh()
    for _ in range(3):
        backend.outbox.send(message)
    (delivery,) = await receive(backend)
    await backend.source.ack([delivery])
    assert await receive(backend) == []


async def test_an_id_is_remembered_even_after_its_message_is_deleted(backend, request):
    """Why a retry is a new request (R1)."""
    deviates(request, backend, "moto", "moto forgets a deduplication id with its message")
    message = fresh()
    backend.outbox.send(message)
    await backend.source.ack(await receive(backend))
    backend.outbox.send(message)
    assert await receive(backend) == []


async def test_a_lapsed_handle_deletes_nothing(backend, request):
    deviates(request, backend, "moto", "moto accepts any handle a message ever had")
    backend.outbox.send(fresh())
    (first,) = await receive(backend)
    await backend.source.release(first, delay_seconds=0)
    (second,) = await receive(backend)
    await backend.source.ack([first])
    await backend.source.release(second, delay_seconds=0)
    assert len(await receive(backend)) == 1


async def test_a_rejected_message_is_in_the_dead_letter_queue_and_in_its_own_no_more(backend):
    backend.outbox.send(fresh())
    (delivery,) = await receive(backend)
    await backend.source.reject(delivery)
    assert backend.dead_letters() == [(delivery.message_id, delivery.body)]
    assert await receive(backend, wait_seconds=3) == []


async def test_a_message_rejected_twice_is_one_dead_letter(backend):
    backend.outbox.send(fresh())
    (delivery,) = await receive(backend)
    for _ in range(2):
        await backend.source.reject(delivery)
    assert len(backend.dead_letters()) == 1
