"""What must hold, whatever happens: the invariants of the design, one function each.

Most are checked at each write of a record, on the images before and after it, as the table's
stream would show them. They know nothing of transitions: how a record came to be is not asked.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock import keys
from penstock.records import RequestRecord, Status
from penstock.transitions import MAX_FREE_RELEASES, TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.records import RequestKey

#: How far a process's clock may be off, either way.
MAX_SKEW_MS = 2_500
#: Longest time that a call takes to arrive.
MAX_LEG_MS = 12_000

_EDGES = frozenset((source, edge.target) for edge in TABLE.values() for source in edge.sources)


class Broken(AssertionError):
    """An invariant does not hold; the text names it."""


@dataclass(slots=True)
class Tally:
    """What the images of one record add up to."""

    claims: int = 0
    given_back: int = 0
    ends: int = 0
    #: The attempt whose container asked for a pause with ``Retry-After``, and the end of that pause.
    resting: str | None = None
    rest_until_ms: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One write: the record before and after it, and the true time."""

    old: RequestRecord
    new: RequestRecord
    now_ms: int
    tally: Tally
    bodies: Mapping[str, bytes]
    max_attempts: int

    @property
    def claimed(self) -> bool:
        """Whether this write begins an attempt.

        Also if the same worker makes the same claim again when its lease is over: it stood still for
        so long that anybody could have taken over, and is one of those who may.
        """
        begun = (self.new.lease, self.new.started_ms) != (self.old.lease, self.old.started_ms)
        return self.new.status is Status.IN_PROGRESS and begun

    @property
    def started(self) -> bool:
        """Whether it takes a waiting request up."""
        return self.claimed and self.old.status is Status.IN_QUEUE

    @property
    def ended(self) -> bool:
        """Whether it ends the request."""
        return self.new.status.terminal and not self.old.status.terminal


def a_terminal_record_is_never_written_again(change: Change) -> bool:
    """Invariant 2."""
    return not change.old.status.terminal


def states_follow_the_table(change: Change) -> bool:
    """No move leads there."""
    return (change.old.status, change.new.status) in _EDGES


def an_attempt_is_a_claim_that_was_not_given_back(change: Change) -> bool:
    """R6 and R7, counted by ourselves."""
    return change.new.attempt == change.tally.claims - change.tally.given_back


def attempts_never_exceed_the_limit(change: Change) -> bool:
    """Invariant 4."""
    return change.new.attempt <= change.max_attempts


def one_lease_is_live_at_a_time(change: Change) -> bool:
    """R5: who takes over does so after the other's lease has ended, by a clock that may be fast."""
    if not change.claimed or change.old.status is not Status.IN_PROGRESS:
        return True
    return (change.old.lease_until_ms or 0) < change.now_ms + MAX_SKEW_MS


def a_claim_has_an_end(change: Change) -> bool:
    """R5: or nobody could take over from a dead worker."""
    return change.new.status is not Status.IN_PROGRESS or change.new.lease_until_ms is not None


def nobody_else_fails_live_work(change: Change) -> bool:
    """R6, R14: whose lease is live is not given up; only its own outcome keeps that lease."""
    if not change.ended or change.new.status is not Status.FAILED:
        return True
    live = change.old.status is Status.IN_PROGRESS and (
        change.old.lease_until_ms is None or change.old.lease_until_ms >= change.now_ms + MAX_SKEW_MS
    )
    return not live or change.new.lease == change.old.lease


def nothing_starts_too_early(change: Change) -> bool:
    """Invariant 4, R11."""
    return not change.started or change.old.not_before_ms <= change.now_ms + MAX_SKEW_MS


def a_container_gets_the_pause_it_asked_for(change: Change) -> bool:
    """R11. Two clocks have a part in it. Who takes over from a dead worker knows nothing of it."""
    if not change.started or change.old.lease != change.tally.resting:
        return True
    return change.tally.rest_until_ms <= change.now_ms + 2 * MAX_SKEW_MS


def nothing_starts_after_its_deadline(change: Change) -> bool:
    """Invariant 4, R13. A claim that is sent in time may arrive a little later."""
    return not change.started or change.now_ms - MAX_SKEW_MS - MAX_LEG_MS < change.old.deadline_ms


def only_ended_records_have_a_time_to_live(change: Change) -> bool:
    """R15."""
    return (change.new.expires_at is not None) == change.new.status.terminal


def only_open_records_are_due(change: Change) -> bool:
    """R13: the sweeper finds exactly those that have not ended."""
    return (change.new.due_ms is None) == change.new.status.terminal


def a_completed_request_has_the_result_of_its_own_attempt(change: Change) -> bool:
    """R9: the object exists, and was written under the lease that the record holds."""
    record = change.new
    if record.status is not Status.COMPLETED:
        return True
    if record.result is None or record.lease is None:
        return False
    body = change.bodies.get(record.result.key)
    return record.result.key == keys.result(record.key, lease=record.lease) and body == answer_of(record)


def a_kept_response_is_stored(change: Change) -> bool:
    """R17: a failed request's response can be read like a completed one's."""
    return change.new.result is None or change.new.result.key in change.bodies


def a_failed_request_says_why(change: Change) -> bool:
    """There is a failure exactly if it failed."""
    return (change.new.failure is not None) == (change.new.status is Status.FAILED)


RULES = (
    a_terminal_record_is_never_written_again,
    states_follow_the_table,
    an_attempt_is_a_claim_that_was_not_given_back,
    attempts_never_exceed_the_limit,
    one_lease_is_live_at_a_time,
    a_claim_has_an_end,
    nobody_else_fails_live_work,
    nothing_starts_too_early,
    a_container_gets_the_pause_it_asked_for,
    nothing_starts_after_its_deadline,
    only_ended_records_have_a_time_to_live,
    only_open_records_are_due,
    a_completed_request_has_the_result_of_its_own_attempt,
    a_kept_response_is_stored,
    a_failed_request_says_why,
)


def answer_of(record: RequestRecord) -> bytes:
    """What the simulated container answers to an attempt: nobody else's answer is the same."""
    return f"{record.id} {record.lease}".encode()


@dataclass
class RecordRules:
    """Checks each write to the table."""

    clock: Callable[[], int]
    bodies: Mapping[str, bytes]
    max_attempts: int
    tallies: defaultdict[RequestKey, Tally] = field(default_factory=lambda: defaultdict(Tally))
    #: Requests that somebody was told of with a 202.
    promised: set[RequestKey] = field(default_factory=set)

    def rests(self, record: RequestRecord, *, seconds: int) -> None:
        """The container has answered an attempt with ``Retry-After``."""
        tally = self.tallies[record.key]
        tally.resting, tally.rest_until_ms = record.lease, self.clock() + seconds * 1000

    def written(self, key: RequestKey, old: RequestRecord | None, new: RequestRecord | None) -> None:
        """Look at one change; ``Broken`` names the rule."""
        if new is None:
            if key in self.promised or (old is not None and old.started_ms is not None):
                raise Broken(f"an accepted request was removed: {old}")
        elif old is None:
            if new.expires_at is not None or new.status is not Status.IN_QUEUE or new.due_ms is None:
                raise Broken(f"a new record has what only later ones may have: {new}")
        else:
            self._moved(old, new)

    def _moved(self, old: RequestRecord, new: RequestRecord) -> None:
        tally = self.tallies[new.key]
        change = Change(old, new, self.clock(), tally, self.bodies, self.max_attempts)
        tally.claims += change.claimed
        if new.releases > old.releases and old.releases < MAX_FREE_RELEASES:
            tally.given_back += 1
        if new.releases > old.releases:
            # What cut the attempt short came after the container's answer, and is no fault of its own.
            tally.resting = None
        tally.ends += change.ended
        for rule in RULES:
            if not rule(change):
                raise Broken(f"{rule.__name__}:\n  before {old}\n  after  {new}")
