from __future__ import annotations

import json
from dataclasses import replace

import pytest
from standardwebhooks import Webhook

from penstock.testing import MemoryLanes
from penstock.webhooks import deliveries as delivering
from penstock.webhooks import signature
from penstock.webhooks.deliveries import MOST_SHOWN, DeliveryKey, State, Target
from penstock.webhooks.hosts import Health, Lane
from penstock.webhooks.messages import LONGEST_DELAY_SECONDS, Due
from penstock.webhooks.schedule import Answer, NoAnswer, Schedule, Trouble
from tests.unit.webhooks.hostile import PUBLIC, Resolver
from tests.unit.webhooks.station import BASE_URL, CALLBACK, SECRET, WEBHOOK, Station
from webhook_lambda.deliver import LEASE_SECONDS


@pytest.fixture
def station() -> Station:
    return Station()


def codes(station: Station) -> list[int | str | None]:
    return [attempt.status_code or attempt.error for attempt in station.only.attempts]


def test_a_delivery_is_made_once_signed_and_shown(station):
    station.end()
    station.run()

    [call] = station.calls
    assert call.url == CALLBACK
    assert call.admitted.addresses == (PUBLIC,)
    assert call.headers["Content-Type"] == "application/json"
    assert call.headers["webhook-id"] == station.only.event_id
    signature.verify(call.headers, call.body, secret=SECRET, now_ms=call.at_ms)
    assert json.loads(call.body)["type"] == "request.completed"
    [attempt] = station.only.attempts
    assert (station.only.state, attempt.status_code, attempt.latency_ms) == (State.DELIVERED, 200, 250)
    assert station.ended == [station.only]


def test_each_attempt_has_the_same_id_and_body_and_a_signature_of_its_own_time(station):
    station.answers = [Answer(500), NoAnswer(Trouble.TIMEOUT), Answer(200)]
    station.end()
    station.run()

    assert codes(station) == [500, "timeout", 200]
    assert len({call.headers["webhook-id"] for call in station.calls}) == 1
    assert len({call.body for call in station.calls}) == 1
    assert len({call.headers["webhook-timestamp"] for call in station.calls}) == 3
    for call in station.calls:
        signature.verify(call.headers, call.body, secret=SECRET, now_ms=call.at_ms)


def test_the_whole_schedule_is_kept_although_no_queue_waits_longer_than_15_minutes(station):
    station.answers = [Answer(500)]
    station.end()
    station.run()

    assert station.only.state is State.FAILED
    assert len(station.calls) == 10
    waits = [
        later.at_ms - earlier.at_ms for earlier, later in zip(station.calls, station.calls[1:], strict=False)
    ]
    wanted = [seconds * 1000 for seconds in Schedule().waits_seconds]
    # The call itself, and the rounding up to SQS's seconds.
    assert all(0 <= wait - want <= 2000 for wait, want in zip(waits, wanted, strict=True))
    assert [end.state for end in station.ended] == [State.FAILED]


def test_a_delivery_that_failed_for_good_is_sent_again_with_all_attempts(station):
    station.answers = [Answer(500)]
    station.end()
    station.run()
    station.answers = [Answer(503), Answer(200)]
    failed = station.only
    again = station.deliveries.apply(failed.key, delivering.replay(failed, now_ms=station.clock()))
    station.send_first(again)
    station.run()

    assert (station.only.state, station.only.round, station.only.attempt) == (State.DELIVERED, 1, 2)
    assert len(station.only.attempts) == 12
    assert len({call.headers["webhook-id"] for call in station.calls}) == 1


def test_attempts_that_are_shown_do_not_grow_without_end(station):
    station.schedule = Schedule((1,) * 19)
    station.answers = [Answer(500)]
    station.build()
    station.end()
    station.run()
    for _ in range(2):
        again = station.deliveries.apply(
            station.only.key, delivering.replay(station.only, now_ms=station.clock())
        )
        station.send_first(again)
        station.run()

    assert len(station.calls) == 60
    assert len(station.only.attempts) == MOST_SHOWN


def test_410_ends_it_and_all_others_to_that_receiver_without_a_call(station):
    station.answers = [Answer(410)]
    station.end()
    station.run()
    station.end(id="b" * 26)
    station.run()

    first, second = station.deliveries.rows.values()
    assert (first.state, first.reason) == (State.DISABLED, None)
    assert (second.state, second.reason, second.attempts) == (State.DISABLED, "endpoint_disabled", ())
    assert len(station.calls) == 1
    # Another receiver of the same host is another matter.
    station.answers = [Answer(200)]
    station.end(id="c" * 26, callback="https://hooks.example.com/other")
    station.run()
    assert len(station.calls) == 2


def test_a_redirect_is_a_failure(station):
    station.answers = [Answer(302), Answer(200)]
    station.end()
    station.run()

    assert codes(station) == [302, 200]
    assert {call.url for call in station.calls} == {CALLBACK}


def test_an_address_that_is_not_public_any_more_is_not_called_and_looked_up_again_later(station):
    station.resolve = Resolver(moving=[["10.0.0.1"], [PUBLIC]])
    station.build()
    station.end(callback="https://moving.example.com/")
    station.run()

    assert codes(station) == ["callback_address_refused", 200]
    assert [call.admitted.addresses for call in station.calls] == [(PUBLIC,)]
    assert station.hosts.healths["moving.example.com"].failures == 0


def test_a_url_that_breaks_the_rules_ends_at_once(station):
    station.end(callback="ftp://hooks.example.com/")
    station.run()

    assert (station.only.state, station.only.reason) == (State.FAILED, "callback_scheme_refused")
    assert station.calls == []
    assert station.ended == [station.only]


# What may be lost, doubled, or late.


def test_a_message_that_comes_twice_makes_one_call(station):
    station.end()
    station.send_first(station.only)
    station.run()

    assert len(station.calls) == 1


def test_a_message_that_comes_while_the_attempt_runs_waits_for_its_end_and_then_does_nothing(station):
    station.end()

    def meanwhile() -> None:
        station.meanwhile = lambda: None
        station.send_first(station.only)
        assert station.step(Lane.FIRST)

    station.meanwhile = meanwhile
    station.run()

    assert len(station.calls) == 1
    assert station.only.state is State.DELIVERED


def test_a_function_that_dies_in_the_call_has_the_attempt_made_again_with_the_same_id(station):
    class Killed(BaseException):
        pass

    def die() -> None:
        station.meanwhile = lambda: None
        raise Killed

    station.end()
    station.meanwhile = die
    with pytest.raises(Killed):
        station.step(Lane.FIRST)
    station.send_first(station.only)  # SQS shows the message again
    station.run()

    assert len(station.calls) == 2
    assert len({call.headers["webhook-id"] for call in station.calls}) == 1
    assert station.calls[1].at_ms - station.calls[0].at_ms >= LEASE_SECONDS * 1000
    assert (station.only.state, station.only.attempt) == (State.DELIVERED, 1)


def test_a_function_that_dies_before_it_sends_the_next_message_is_made_up_for(station):
    class Deaf(MemoryLanes):
        def send(self, due: Due, lane: Lane, *, delay_seconds: float = 0) -> None:
            raise ConnectionError

    station.answers = [Answer(500), Answer(200)]
    station.end()
    lanes = station.lanes
    due = lanes.take(Lane.FIRST)
    station.lanes = Deaf(station.clock)
    station.build()
    with pytest.raises(ConnectionError):
        station.deliverer.deliver(due, Lane.FIRST)
    assert station.only.attempt == 1
    station.lanes = lanes
    station.build()
    station.deliverer.deliver(due, Lane.FIRST)  # SQS shows the message again
    station.run()

    assert len(station.calls) == 2
    assert station.only.state is State.DELIVERED


def test_a_message_of_a_round_that_is_over_is_dropped(station):
    station.answers = [Answer(410)]
    station.end()
    stale = Due(key=station.only.key, round=0, attempt=1)
    station.run()
    station.endpoints.enable("word-count", CALLBACK)
    station.answers = [Answer(200)]
    again = station.deliveries.apply(
        station.only.key, delivering.replay(station.only, now_ms=station.clock())
    )
    station.deliverer.deliver(stale, Lane.LATER)
    assert len(station.calls) == 1
    station.send_first(again)
    station.run()
    assert len(station.calls) == 2


def test_a_delivery_that_was_forgotten_is_no_matter(station):
    station.lanes.send(Due(key=DeliveryKey("a" * 26, Target.API), round=0, attempt=1), Lane.FIRST)
    station.run()

    assert station.calls == []


def test_a_message_that_comes_too_early_waits_in_hops_of_15_minutes_at_most(station):
    station.end()
    due = station.lanes.take(Lane.FIRST)
    station.deliveries.rows[station.only.key] = replace(
        station.only, next_attempt_ms=station.clock() + 2000 * 1000
    )
    station.deliverer.deliver(due, Lane.FIRST)
    assert station.lanes.next_ms() == station.clock() + LONGEST_DELAY_SECONDS * 1000
    start_ms = station.clock()
    station.run()

    [call] = station.calls
    assert 2000_000 <= call.at_ms - start_ms <= 2002_000


# A bad host and the others (N6).


def test_after_three_failures_a_hosts_first_tries_go_to_the_other_lane(station):
    station.answers = [NoAnswer(Trouble.TIMEOUT)]
    for number in range(3):
        station.end(id=chr(ord("a") + number) * 26)
        assert station.step(Lane.FIRST)
    station.end(id="z" * 26)
    assert station.step(Lane.FIRST)

    assert len(station.calls) == 3
    assert Due(key=list(station.deliveries.rows)[3], round=0, attempt=1) in station.lanes.waiting(Lane.LATER)
    # Others go on, also while that one is in trouble.
    station.end(id="y" * 26, callback="https://both.example.com/")
    assert station.step(Lane.FIRST)
    assert len(station.calls) == 4


def test_an_answer_ends_the_trouble(station):
    station.hosts.healths["hooks.example.com"] = Health(failures=7, failed_ms=station.clock())
    station.end()
    station.run()

    assert station.hosts.health("hooks.example.com").failures == 0
    station.end(id="b" * 26)
    station.step(Lane.FIRST)
    assert len(station.calls) == 2


def test_a_stranger_that_hangs_holds_two_places_and_the_next_goes_to_the_other_lane(station):
    for number in range(3):
        station.end(id=chr(ord("a") + number) * 26)
    seen = []

    def begin_the_next() -> None:
        seen.append(len(station.calls))
        station.step(Lane.FIRST)

    station.meanwhile = begin_the_next
    station.step(Lane.FIRST)

    assert seen == [1, 2], "the third found no place"
    assert len(station.lanes.waiting(Lane.LATER)) == 1
    station.meanwhile = lambda: None
    station.run()
    assert len(station.calls) == 3


def test_without_a_place_in_the_later_lane_either_it_waits_longer_each_time(station):
    station.end()
    room = station.hosts.room("hooks.example.com", Lane.LATER)
    for number in range(5):
        room.take(number, token="others", now_ms=station.clock(), until_ms=station.clock() + 10**9)
    due = station.lanes.take(Lane.FIRST)
    waits = []
    for _ in range(16):
        station.deliverer.deliver(due, Lane.LATER)
        waits.append((station.lanes.next_ms() - station.clock()) / 1000)
        station.clock.now_ms = station.lanes.next_ms()
        due = station.lanes.take(Lane.LATER)

    assert waits == [1, 1, 1, 1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512, 512]
    assert station.calls == []
    assert station.only.attempt == 0, "no attempt was lost"


# Our own APIs (N7).


def test_a_callback_to_another_api_is_signed_counted_and_started_once(station):
    station.end(callback="/async/next?top=3", depth=1)
    station.run()

    [call] = station.calls
    assert call.url == f"{BASE_URL}/chain/next?top=3"
    assert call.headers["x-penstock-depth"] == "2"
    assert call.headers["Idempotency-Key"] == station.only.event_id
    assert call.headers["Authorization"] == f"signed {call.url} {len(call.body)}"


def test_calls_elsewhere_carry_no_signature_of_ours_and_no_depth(station):
    station.end(callback="https://hooks.example.com/async/next")
    station.run()

    [call] = station.calls
    assert {"Authorization", "x-penstock-depth", "Idempotency-Key"} & call.headers.keys() == set()


@pytest.mark.parametrize(
    ("callback", "depth", "reason"),
    [
        ("/async/next", 3, "callback_loop"),
        (f"{BASE_URL}/async/next", 3, "callback_loop"),
        (
            f"{BASE_URL.upper().replace('HTTPS', 'https').replace('/LIVE', '/live')}/async/next",
            3,
            "callback_loop",
        ),
        ("/async/other", 0, "callback_api_refused"),
        (f"{BASE_URL}/async/other", 0, "callback_api_refused"),
        (f"{BASE_URL}/async/words/{'a' * 26}", 0, "callback_api_refused"),
        (f"{BASE_URL}/webhooks/words/replay", 0, "callback_api_refused"),
        (f"{BASE_URL}/async/next/../other", 0, "callback_api_refused"),
        # The route that such calls take is not for others to name.
        ("/chain/next", 0, "callback_api_refused"),
        (f"{BASE_URL}/chain/next", 0, "callback_api_refused"),
    ],
)
def test_of_our_own_only_submissions_to_apis_in_the_chain_are_called_and_no_loop(
    station, callback, depth, reason
):
    station.end(callback=callback, depth=depth)
    station.run()

    assert (station.only.state, station.only.reason) == (State.FAILED, reason)
    assert station.calls == []


def test_a_host_that_begins_like_ours_is_not_ours(station):
    station.resolve = lambda _host: [PUBLIC]
    station.build()
    station.end(callback=f"{BASE_URL}ly.example.com/async/next")
    station.run()

    assert "Authorization" not in station.calls[0].headers


def test_the_webhook_of_the_configuration_may_be_any_api_of_ours(station):
    station.configure(webhook_url="/async/elsewhere")
    station.end(callback=None)
    station.run()

    assert station.calls[0].url == f"{BASE_URL}/chain/elsewhere"
    assert station.only.target is Target.API


# Signatures.


def test_while_secrets_change_there_is_a_signature_for_each(station):
    new = signature.new_secret()
    station.secrets.known["word-count"] = (new, SECRET)
    station.end()
    station.run()

    [call] = station.calls
    for secret in (new, SECRET):
        signature.verify(call.headers, call.body, secret=secret, now_ms=call.at_ms)


def test_an_api_without_a_secret_sends_unsigned(station):
    station.secrets.known.clear()
    station.end()
    station.run()

    assert "webhook-signature" not in station.calls[0].headers
    with pytest.raises(Exception, match="Missing required headers"):
        Webhook(SECRET).verify(station.calls[0].body, dict(station.calls[0].headers))


def test_a_request_and_its_api_may_both_have_a_receiver(station):
    station.configure(webhook_url=WEBHOOK)
    station.end()
    station.run()

    assert sorted(call.url for call in station.calls) == sorted([CALLBACK, WEBHOOK])
    assert len({call.headers["webhook-id"] for call in station.calls}) == 1
