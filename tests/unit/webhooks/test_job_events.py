"""What is told of jobs: that one started, and how it ended, once each."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.aws import job_items
from penstock.batch.jobs import TERMINAL, Hook, JobRecord, JobStatus
from penstock.kinds import Kind as ApiKind
from penstock.records import Failure
from penstock.webhooks import events, job_events
from penstock.webhooks.deliveries import DeliveryKey
from penstock.webhooks.hosts import Lane
from penstock.webhooks.messages import Due
from tests.examples import NOW_MS
from tests.unit.webhooks.station import BASE_URL, CALLBACK, WEBHOOK, Station, completed
from tests.unit.webhooks.test_announce import let_through
from webhook_lambda.images import news_in

JOB = JobRecord(
    api="word-count",
    id="7fff000000000000",
    status=JobStatus.PENDING,
    workers=2,
    caller="anonymous",
    fingerprint="f",
    created_ms=NOW_MS,
    max_attempts=3,
    callback=CALLBACK,
)


def started(**changes: Any) -> JobRecord:
    return replace(JOB, status=JobStatus.ENQUEUING, queue_url="q", started_ms=NOW_MS + 100, **changes)


def ended(status: JobStatus = JobStatus.SUCCEEDED, **changes: Any) -> JobRecord:
    end: dict[str, Any] = {"status": status, "depth": 1, "finished_ms": NOW_MS + 500}
    counts = {"total": 3, "succeeded": 3, "failed": 0, "cancelled": 0}
    return replace(started(), **end | counts | changes)


@pytest.fixture
def station() -> Station:
    station = Station()
    station.configure(kind=ApiKind.BATCH, webhook_events=("started", "completed_with_failures"))
    return station


def change(old: JobRecord, new: JobRecord, *, name: str = "MODIFY") -> dict[str, Any]:
    images = {"OldImage": old, "NewImage": new}
    return {"eventName": name, "dynamodb": {key: job_items.encode(job) for key, job in images.items()}}


STATUSES = st.sampled_from(list(JobStatus))


@given(STATUSES, STATUSES)
def test_only_the_start_and_the_step_to_an_end_count(before, after):
    made = change(replace(JOB, status=before), replace(JOB, status=after))
    begins = (before, after) == (JobStatus.PENDING, JobStatus.ENQUEUING)
    counts = begins or (after in TERMINAL and before not in TERMINAL)
    assert (news_in(made) is not None) is counts
    # The filters let nothing through that does not count, and keep nothing back that does.
    assert let_through(made) is counts


def test_a_part_of_a_job_does_not_count():
    count = {"pk": {"S": "JOB#sum#7fff000000000000"}, "sk": {"S": "COUNT#w"}, "failed": {"N": "1"}}
    made = {"eventName": "MODIFY", "dynamodb": {"OldImage": count, "NewImage": count}}
    assert news_in(made) is None
    assert not let_through(made)


def test_a_job_that_vanishes_or_is_brought_back_by_a_backup_does_not_count():
    for name in ("INSERT", "REMOVE"):
        made = change(JOB, started(), name=name)
        assert news_in(made) is None
        assert not let_through(made)


def test_the_image_is_the_job():
    news = news_in(change(JOB, started()))
    assert news is not None
    assert news.kind is events.Kind.JOB
    assert job_items.decode(news.item) == started()


def test_an_end_is_published_with_its_attributes_and_sent_to_who_submitted(station):
    station.announcer.announce(ended())

    [event] = station.topic.published
    assert (event.type, event.kind, event.api, event.status, event.subject) == (
        "job.succeeded", "job", "word-count", "succeeded", JOB.id,
    )  # fmt: skip
    assert station.only.url == CALLBACK
    assert (station.only.body, station.only.depth) == (event.body, 1)
    assert station.lanes.waiting(Lane.FIRST) == [Due(key=station.only.key, round=0, attempt=1)]


def test_the_document_links_to_our_api_and_says_what_happened(station):
    station.announcer.announce(
        ended(
            JobStatus.COMPLETED_WITH_FAILURES,
            succeeded=2,
            failed=1,
            retry_of="7fff000000000001",
            hook=Hook(attempts=2, status_code=500, failure=Failure(code="container_error", message="500.")),
        )
    )

    [event] = station.topic.published
    assert json.loads(event.body) == {
        "type": "job.completed_with_failures",
        "timestamp": "2023-11-14T22:13:20.500Z",
        "data": {
            "version": 1,
            "kind": "job",
            "deployment": "demo",
            "api": "word-count",
            "id": "7fff000000000000",
            "status": "completed_with_failures",
            "created_at": "2023-11-14T22:13:20.000Z",
            "started_at": "2023-11-14T22:13:20.100Z",
            "finished_at": "2023-11-14T22:13:20.500Z",
            "retry_of": "7fff000000000001",
            "workers": 2,
            "total_batch_count": 3,
            "succeeded": 2,
            "failed": 1,
            "cancelled": 0,
            "hook": {
                "attempts": 2,
                "status_code": 500,
                "error": {"code": "container_error", "message": "500."},
            },
            "links": {
                "status": f"{BASE_URL}/batch/words/7fff000000000000",
                "failed": f"{BASE_URL}/batch/words/7fff000000000000/failed",
            },
        },
    }


def test_why_a_job_ended_early_is_told(station):
    failure = Failure(code="timed_out", message="Too long.")
    station.announcer.announce(ended(JobStatus.TIMED_OUT, cancelled=3, succeeded=0, failure=failure))
    data = json.loads(station.topic.published[0].body)["data"]
    assert data["error"] == {"code": "timed_out", "message": "Too long."}
    assert (data["status"], data["cancelled"]) == ("timed_out", 3)


def test_a_job_stopped_before_it_started_has_an_end_only(station):
    stopped = ended(JobStatus.STOPPED, started_ms=None, total=None, cancelled=0, succeeded=0)
    station.announcer.announce(stopped)
    data = json.loads(station.topic.published[0].body)["data"]
    assert "started_at" not in data
    assert "total_batch_count" not in data


def test_a_start_is_published_but_who_submitted_is_told_of_the_end_only(station):
    station.announcer.announce(started())

    [event] = station.topic.published
    assert (event.type, event.status) == ("job.started", "started")
    assert json.loads(event.body)["timestamp"] == "2023-11-14T22:13:20.100Z"
    assert station.deliveries.rows == {}


@pytest.mark.parametrize(
    ("job", "is_told"),
    [
        (started(callback=None), True),
        (ended(callback=None), False),
        (ended(JobStatus.COMPLETED_WITH_FAILURES, callback=None), True),
    ],
    ids=lambda value: value.status if isinstance(value, JobRecord) else "",
)
def test_the_apis_webhook_gets_the_events_it_asked_for(station, job, is_told):
    station.configure(webhook_url=WEBHOOK)
    station.announcer.announce(job)

    assert [delivery.url for delivery in station.deliveries.rows.values()] == [WEBHOOK] * is_told
    assert len(station.topic.published) == 1


def test_a_webhook_that_is_the_callback_too_is_told_of_the_start_and_once_of_the_end(station):
    station.configure(webhook_url=CALLBACK, webhook_events=("started", "succeeded"))
    station.announcer.announce(started())
    station.announcer.announce(ended())
    assert sorted(delivery.type for delivery in station.deliveries.rows.values()) == [
        "job.started",
        "job.succeeded",
    ]


def test_told_twice_it_is_one_event_with_one_id_and_one_call(station):
    for job in (started(), ended(), started(), ended()):
        station.announcer.announce(job)

    first, second, *again = station.topic.published
    assert again == [first, second]
    station.run()
    assert len(station.calls) == 1


def test_the_id_follows_from_the_job_its_time_and_what_happened():
    told = [
        ended(),
        started(),
        ended(JobStatus.STOPPED),
        ended(api="other"),
        ended(id="7fff000000000001"),
        ended(created_ms=NOW_MS + 1),
    ]
    ids = [job_events.told(job, deployment="demo", endpoint="w", base_url=BASE_URL).id for job in told]
    assert len(set(ids)) == len(told)
    assert set(job_events.event_ids(ended(), deployment="demo")) == set(ids[:2])
    assert DeliveryKey.parse(f"{ids[0]}-callback") is not None
    assert events.event_id(completed(id=JOB.id), deployment="demo") not in ids


@pytest.mark.parametrize("status", [s for s in JobStatus if s not in {*TERMINAL, JobStatus.ENQUEUING}])
def test_a_job_on_its_way_has_no_event(status):
    with pytest.raises(ValueError, match="neither just started nor ended"):
        job_events.told(replace(JOB, status=status), deployment="demo", endpoint="w", base_url=BASE_URL)
