"""What notices are kept in and sent through: fakes and adapters keep the same promises."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from penstock import ids, keys, names
from penstock.aws.deliveries import DynamoDeliveries
from penstock.aws.hosts import DynamoEndpoints, DynamoHosts
from penstock.aws.lanes import SqsLanes
from penstock.aws.signing_secrets import StoredSecrets
from penstock.aws.topic import SnsTopic
from penstock.testing import (
    ManualClock,
    MemoryDeliveries,
    MemoryEndpoints,
    MemoryHosts,
    MemoryLanes,
    MemorySecrets,
)
from penstock.webhooks import deliveries as delivering
from penstock.webhooks import events
from penstock.webhooks.answers import FunctionAnswer
from penstock.webhooks.deliveries import Attempt, Delivery, DeliveryKey, State, Target
from penstock.webhooks.hosts import Health, Lane
from penstock.webhooks.messages import Due
from penstock.webhooks.ports import (
    Deliveries,
    Endpoints,
    Hosts,
    Lanes,
    NoSecret,
    SecretExists,
    SecretStore,
)
from penstock.webhooks.schedule import Answer, NoAnswer
from tests.contract.conftest import BACKENDS, _client, make_table
from tests.examples import NOW_MS

DAY = keys.day_of(NOW_MS)
TOP = keys.position(NOW_MS + 10**7)


@dataclass(frozen=True)
class Notices:
    """The ports over one set of stores; ``take`` receives from a lane."""

    name: str
    deliveries: Deliveries
    hosts: Hosts
    endpoints: Endpoints
    lanes: Lanes
    take: Callable[[Lane], Due | None]


@pytest.fixture(params=BACKENDS)
def notices(request: pytest.FixtureRequest) -> Notices:
    if request.param == "memory":
        lanes = MemoryLanes(ManualClock())
        return Notices("memory", MemoryDeliveries(), MemoryHosts(), MemoryEndpoints(), lanes, lanes.take)
    url = request.getfixturevalue(f"{request.param}_url")
    dynamodb, sqs, unique = _client("dynamodb", url), _client("sqs", url), ids.new_request_id()
    make_table(dynamodb, unique)
    urls = {lane: sqs.create_queue(QueueName=f"{unique}-{lane}")["QueueUrl"] for lane in Lane}

    def take(lane: Lane) -> Due | None:
        found = sqs.receive_message(QueueUrl=urls[lane], WaitTimeSeconds=0).get("Messages", [])
        return Due.decode(found[0]["Body"]) if found else None

    return Notices(
        request.param,
        DynamoDeliveries(dynamodb, unique, executor=ThreadPoolExecutor(keys.SHARDS)),
        DynamoHosts(dynamodb, unique),
        DynamoEndpoints(dynamodb, unique),
        SqsLanes(sqs, lambda lane: f"{unique}-{lane}"),
        take,
    )


def delivery(**changes: Any) -> Delivery:
    made = Delivery(
        event_id=ids.new_request_id(),
        target=Target.CALLBACK,
        api="word-count",
        subject="a" * 26,
        type="request.completed",
        url="https://hooks.example.com/ä",
        body='{"type": "request.completed"}',
        created_ms=NOW_MS,
        depth=2,
        next_attempt_ms=NOW_MS,
        expires_at=NOW_MS // 1000 + 1000,
    )
    return replace(made, **changes)


def claim(lease: str = "l", *, attempt: int = 1, now_ms: int = NOW_MS, round_: int = 0) -> delivering.Move:
    return delivering.claim(
        round_=round_, attempt=attempt, lease=lease, now_ms=now_ms, lease_until_ms=now_ms + 1000
    )


def conclude(made: Delivery, answer: Answer | NoAnswer, state: State) -> delivering.Move:
    return delivering.conclude(
        made, answer, state=state, began_ms=NOW_MS, now_ms=NOW_MS + 40, next_attempt_ms=NOW_MS + 5000
    )


def test_a_delivery_is_read_back_as_it_was_written(notices):
    made = delivery(
        attempts=(
            Attempt(at_ms=1, latency_ms=2, status_code=500),
            Attempt(at_ms=3, latency_ms=4, error="timeout"),
        ),
        reason="callback_loop",
    )
    assert notices.deliveries.create(made) == made
    assert notices.deliveries.get(made.key) == made
    assert notices.deliveries.get(replace(made, target=Target.API).key) is None


def test_an_answer_that_is_sent_in_place_of_the_event_is_read_back_too(notices):
    headers = {"X-Call-Id": "mine", "etag": '"1"'}
    sent, linked, none = (
        notices.deliveries.create(delivery(answer=answer))
        for answer in (
            FunctionAnswer(headers=headers, size_bytes=3, key="results/a/b/c"),
            FunctionAnswer(headers=headers, size_bytes=10**9, link="https://x/result"),
            FunctionAnswer(headers=headers),
        )
    )

    for made in (sent, linked, none):
        assert notices.deliveries.get(made.key) == made
    assert notices.deliveries.apply(sent.key, claim()).answer == sent.answer


def test_one_that_is_there_is_left_as_it_is(notices):
    made = notices.deliveries.create(delivery())
    moved = notices.deliveries.apply(made.key, claim())

    assert notices.deliveries.create(made) == moved
    assert notices.deliveries.get(made.key) == moved


def test_a_delivery_goes_through_its_whole_life(notices):
    store, key = notices.deliveries, notices.deliveries.create(delivery()).key

    claimed = store.apply(key, claim("one"))
    assert (claimed.lease, claimed.lease_until_ms) == ("one", NOW_MS + 1000)
    failed = store.apply(key, conclude(claimed, NoAnswer("timeout"), State.PENDING))
    assert (failed.attempt, failed.next_attempt_ms, failed.lease_until_ms) == (1, NOW_MS + 5000, 0)
    claimed = store.apply(key, claim("two", attempt=2, now_ms=NOW_MS + 6000))
    ended = store.apply(key, conclude(claimed, Answer(204), State.DELIVERED))
    assert (ended.state, ended.attempt) == (State.DELIVERED, 2)
    assert [(a.status_code, a.error, a.latency_ms) for a in ended.attempts] == [
        (None, "timeout", 40),
        (204, None, 40),
    ]
    again = store.apply(key, delivering.replay(ended, now_ms=NOW_MS))
    assert (again.state, again.round, again.attempt) == (State.PENDING, 1, 0)
    assert again.attempts == ended.attempts
    stopped = store.apply(
        key, delivering.stop(again, state=State.FAILED, reason="callback_loop", now_ms=NOW_MS)
    )
    assert (stopped.state, stopped.reason) == (State.FAILED, "callback_loop")
    assert store.apply(key, delivering.replay(stopped, now_ms=NOW_MS)).reason is None


def test_an_attempt_has_one_maker_until_its_lease_is_over(notices):
    key = notices.deliveries.create(delivery()).key
    assert notices.deliveries.apply(key, claim("a"))
    assert notices.deliveries.apply(key, claim("b")) is None
    assert notices.deliveries.apply(key, claim("a")), "one's own claim, after its answer was lost"
    assert notices.deliveries.apply(key, claim("b", now_ms=NOW_MS + 1001))


def test_attempts_are_counted_once(notices):
    key = notices.deliveries.create(delivery()).key
    claimed = notices.deliveries.apply(key, claim("a"))
    move = conclude(claimed, Answer(500), State.PENDING)
    first = notices.deliveries.apply(key, move)

    assert notices.deliveries.apply(key, move) == first, "after its answer was lost"
    assert notices.deliveries.apply(key, claim("b", now_ms=NOW_MS + 9999)) is None, "the first was made"
    late = conclude(replace(claimed, lease="other"), Answer(200), State.DELIVERED)
    assert notices.deliveries.apply(key, late) is None


def test_of_many_claims_at_once_one_wins(notices):
    if notices.name == "moto":
        pytest.skip("moto checks and writes without a lock: now and then two of its threads win")
    key = notices.deliveries.create(delivery()).key
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda lease: notices.deliveries.apply(key, claim(lease)), "abcdefgh"))
    assert sum(each is not None for each in won) == 1


def test_nothing_moves_what_is_not_there(notices):
    assert notices.deliveries.apply(DeliveryKey("a" * 26, Target.API), claim()) is None
    assert notices.deliveries.read([DeliveryKey("a" * 26, Target.API)]) == {}


def test_deliveries_are_listed_newest_first_by_api_and_day(notices):
    made = [notices.deliveries.create(delivery(created_ms=NOW_MS + n)) for n in range(9)]
    notices.deliveries.create(delivery(api="other"))
    notices.deliveries.create(delivery(created_ms=NOW_MS - 24 * 3600 * 1000))
    positions = [keys.position(each.created_ms, str(each.key)) for each in reversed(made)]

    assert notices.deliveries.newest("word-count", DAY, below=TOP, limit=20) == positions
    assert notices.deliveries.newest("word-count", DAY, below=positions[3], limit=2) == positions[4:6]
    assert notices.deliveries.read([each.key for each in made]) == {each.key: each for each in made}


def test_a_message_waits_in_its_lane(notices):
    due = Due(key=DeliveryKey("a" * 26, Target.API), round=3, attempt=7, crowded=2)
    notices.lanes.send(due, Lane.LATER)
    notices.lanes.send(due, Lane.FIRST, delay_seconds=600)

    assert notices.take(Lane.LATER) == due
    assert notices.take(Lane.LATER) is None
    assert notices.take(Lane.FIRST) is None, "its time has not come"


def test_no_delay_is_longer_than_sqs_takes(notices):
    due = Due(key=DeliveryKey("a" * 26, Target.API), round=0, attempt=1)
    notices.lanes.send(due, Lane.LATER, delay_seconds=10**6)
    notices.lanes.send(due, Lane.FIRST, delay_seconds=-5)

    assert notices.take(Lane.FIRST) == due


def test_failures_of_a_host_add_up_until_it_answers(notices):
    assert notices.hosts.health("h.example.com") == Health()
    for number in range(3):
        notices.hosts.failed("h.example.com", now_ms=NOW_MS + number)
    assert notices.hosts.health("h.example.com") == Health(failures=3, failed_ms=NOW_MS + 2)
    notices.hosts.answered("h.example.com", now_ms=NOW_MS + 9)
    assert notices.hosts.health("h.example.com") == Health(answered_ms=NOW_MS + 9)
    assert notices.hosts.health("other.example.com") == Health()


def test_each_host_has_places_of_its_own_in_each_lane(notices):
    def take(host: str, lane: Lane, token: str) -> bool:
        return notices.hosts.room(host, lane).take(0, token=token, now_ms=NOW_MS, until_ms=NOW_MS + 1000)

    assert take("a.example.com", Lane.FIRST, "one")
    assert not take("a.example.com", Lane.FIRST, "two")
    assert take("a.example.com", Lane.LATER, "two")
    assert take("b.example.com", Lane.FIRST, "two")
    notices.hosts.room("a.example.com", Lane.FIRST).free(0, token="one")
    assert take("a.example.com", Lane.FIRST, "two")


def test_a_receiver_that_wants_no_more_is_remembered_until_it_is_enabled(notices):
    url = "https://h.example.com/" + "x" * 2000
    assert not notices.endpoints.disabled("word-count", url)
    notices.endpoints.disable("word-count", url, now_ms=NOW_MS)
    assert notices.endpoints.disabled("word-count", url)
    assert not notices.endpoints.disabled("other", url)
    assert not notices.endpoints.disabled("word-count", url + "y")
    notices.endpoints.enable("word-count", url)
    assert not notices.endpoints.disabled("word-count", url)


AWS = BACKENDS[1:]


@pytest.fixture(params=BACKENDS)
def secrets(request: pytest.FixtureRequest) -> SecretStore:
    if request.param == "memory":
        return MemorySecrets()
    url = request.getfixturevalue(f"{request.param}_url")
    return StoredSecrets(_client("secretsmanager", url), ids.new_request_id()[:8])


def test_a_secret_is_made_once_and_rotated_with_a_day_in_which_both_are_valid(secrets):
    assert secrets.valid("api", now_ms=0) == ()
    with pytest.raises(NoSecret):
        secrets.rotate("api")
    first = secrets.create("api")
    with pytest.raises(SecretExists):
        secrets.create("api")
    assert secrets.valid("api", now_ms=NOW_MS) == (first,)
    second = secrets.rotate("api")
    third = secrets.rotate("api")
    # Made just now, by the store's own clock, which is later than the examples' year.
    assert secrets.valid("api", now_ms=NOW_MS) == (third, second)
    assert secrets.valid("api", now_ms=10**14) == (third,)
    assert secrets.valid("other", now_ms=NOW_MS) == ()


@pytest.mark.parametrize("backend_name", AWS)
def test_a_secret_is_asked_for_again_after_half_a_minute(backend_name, request):
    url = request.getfixturevalue(f"{backend_name}_url")
    secrets = StoredSecrets(_client("secretsmanager", url), ids.new_request_id()[:8])
    first = secrets.create("api")
    assert secrets.of("api", now_ms=NOW_MS) == (first,)
    second = secrets.rotate("api")
    assert secrets.of("api", now_ms=NOW_MS + 29_999) == (first,)
    assert secrets.of("api", now_ms=NOW_MS + 30_000) == (second, first)


@pytest.mark.parametrize("backend_name", AWS)
def test_a_new_secret_is_encrypted_with_the_deployments_key(backend_name, request):
    url, deployment = request.getfixturevalue(f"{backend_name}_url"), ids.new_request_id()[:8]
    client, kms = _client("secretsmanager", url), _client("kms", url)
    alias = names.key_alias(deployment)
    kms.create_alias(AliasName=alias, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    secrets = StoredSecrets(client, deployment, key_id=alias)

    secret = secrets.create("api")

    described = client.describe_secret(SecretId=names.webhook_secret(deployment, "api"))
    assert described["KmsKeyId"] == alias
    assert secrets.valid("api", now_ms=NOW_MS) == (secret,)


@pytest.mark.parametrize("backend_name", AWS)
def test_events_carry_attributes_that_subscribers_filter_by(backend_name, request):
    url = request.getfixturevalue(f"{backend_name}_url")
    sns, sqs, unique = _client("sns", url), _client("sqs", url), ids.new_request_id()
    topic = sns.create_topic(Name=unique)["TopicArn"]
    queue = sqs.create_queue(QueueName=unique)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"api": ["wanted"], "kind": ["test"], "status": ["sent"]})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"FilterPolicy": policy})
    published = SnsTopic(sns, topic)
    for api in ("other", "wanted"):
        published.publish(events.trial(api, deployment="demo", now_ms=NOW_MS))

    [message] = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=2)["Messages"]
    envelope = json.loads(message["Body"])
    assert json.loads(envelope["Message"])["data"]["api"] == "wanted"
    told = {name: value["Value"] for name, value in envelope["MessageAttributes"].items()}
    assert told.keys() == {"event_id", "type", "kind", "api", "status"}
    assert (told["type"], told["api"]) == ("test.sent", "wanted")


def test_secrets_are_named_after_deployment_and_api():
    assert names.webhook_secret("demo", "api") == "penstock/demo/webhook/api"
