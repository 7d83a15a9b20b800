from __future__ import annotations

import itertools

import pytest

from penstock.batch.jobs import JobStatus
from penstock.ports import DependencyError
from tests.unit.batch.site import KEY, Site, site


def test_a_job_begins_with_a_queue_a_timer_and_a_line_for_each_worker():
    here = site()
    due_ms = here.clock() + 60_000
    here.plant(JobStatus.PENDING, deadline_ms=due_ms, expires_at=9, workers=3)

    assert here.preparer.prepare(KEY)

    assert here.record.status is JobStatus.ENQUEUING
    assert here.record.queue_url == here.queues.urls[KEY]
    assert here.record.started_ms == here.clock()
    assert here.record.expires_at is None
    assert here.timers.due == {KEY: due_ms}
    assert here.bodies.bodies["jobs/sum/63ffffffffffffff/lanes.jsonl"] == (
        b'{"lane": 0}\n{"lane": 1}\n{"lane": 2}\n'
    )


def test_a_job_without_a_timeout_has_no_timer():
    here = site()
    here.plant(JobStatus.PENDING)

    assert here.preparer.prepare(KEY)
    assert here.timers.due == {}


def test_a_job_that_was_stopped_before_it_began_does_not_begin():
    here = site()
    here.plant(JobStatus.STOPPING)
    here.queues.urls.clear()

    assert not here.preparer.prepare(KEY)
    assert here.queues.urls == {}


def test_a_job_whose_record_is_gone_does_not_begin():
    assert not site().preparer.prepare(KEY)


def test_a_job_whose_time_was_over_before_it_began_is_timed_out():
    here = site()
    here.plant(JobStatus.PENDING, deadline_ms=here.clock())

    assert not here.preparer.prepare(KEY)
    assert (here.record.status, here.record.ending) == (JobStatus.STOPPING, JobStatus.TIMED_OUT)
    assert here.queues.urls == {}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_call_is_made_up_for_by_the_next_try(after):
    for at in itertools.count(1):
        here = site()
        here.plant(JobStatus.PENDING, deadline_ms=here.clock() + 60_000)
        here.fuse.blows_at, here.fuse.after = at, after
        try:
            here.preparer.prepare(KEY)
        except DependencyError:
            assert here.preparer.prepare(KEY)
            check_begun(here)
        if here.fuse.calls < at:
            assert at > 4
            return


def check_begun(here: Site) -> None:
    assert here.record.status is JobStatus.ENQUEUING
    assert here.record.queue_url == here.queues.urls[KEY]
    assert list(here.timers.due) == [KEY]
