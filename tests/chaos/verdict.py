"""What a run found, and whether that is what Penstock promises."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.outcomes import CONTAINER_ERROR, FAILURE_CODES
from penstock.records import RequestKey, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.chaos.callers import Outcome
    from tests.chaos.chronicle import Life
    from tests.chaos.faults import Kill
    from tests.chaos.orders import Order

#: How many of the requests that can be completed must be.
LEAST_COMPLETED = 0.99
#: After its worker's death a message is hidden for the rest of its visibility timeout, 30 s, and
#: then received by the next free worker.
USUAL_REDELIVERY_SECONDS = 30 + 5
#: The message may be handed to the long poll of a worker that was killed meanwhile, and is hidden
#: once more then. While the emulator is away nobody receives.
LONGEST_REDELIVERY_SECONDS = 2 * 30 + 15
#: Of so many kills, some must meet a worker at work.
ENOUGH_KILLS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known at the end of a run."""

    orders: Sequence[Order]
    #: By order.
    accepted: Mapping[str, RequestKey]
    split: frozenset[str]
    outcomes: Mapping[str, Outcome]
    #: What the observer saw.
    lives: Mapping[RequestKey, Life]
    kills: Sequence[Kill]
    rollouts: int
    #: How long each restart of the emulator took.
    away_seconds: Sequence[float]
    #: By code.
    repeated: Mapping[str, int]
    dead_letters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The figures of a run, by name, and what is wrong with them; nothing is, if it passed."""

    figures: Mapping[str, int | float]
    causes: Sequence[str]


def judge(facts: Facts) -> Verdict:
    """Compare what happened with what must happen."""
    outcomes = list(facts.outcomes.values())
    states = Counter(outcome.state.status for outcome in outcomes)
    codes = Counter(outcome.state.error.code for outcome in outcomes if outcome.state.error)
    waits = list(_redeliveries(facts))
    figures: dict[str, int | float] = {
        "requests": len(facts.orders),
        **{status.value: states[status] for status in Status if status.terminal},
        "right results": sum(_right(order, facts) for order in facts.orders if not order.refused),
        "right refusals": sum(_right(order, facts) for order in facts.orders if order.refused),
        **{f"failed: {code}": count for code, count in sorted(codes.items())},
        "lost": sum(1 for _ in _lost(facts)),
        "double": sum(life.endings > 1 or life.writes_after_the_end > 0 for life in facts.lives.values()),
        "terminal events": sum(life.endings for life in facts.lives.values()),
        "ends seen by images only": sum(life.unseen for life in facts.lives.values()),
        "attempts": sum(outcome.state.attempt for outcome in outcomes),
        "requests with several attempts": sum(outcome.state.attempt > 1 for outcome in outcomes),
        "releases": sum(life.last.releases for life in facts.lives.values() if life.last),
        "taken over from dead workers": sum(life.takeovers for life in facts.lives.values()),
        "kills": len(facts.kills),
        "requests under way when killed": sum(len(kill.held) for kill in facts.kills),
        "rollouts": facts.rollouts,
        "emulator restarts": len(facts.away_seconds),
        "emulator away, s": round(sum(facts.away_seconds), 1),
        "submissions sent anew": sum(facts.repeated.values()),
        "dead letters": facts.dead_letters,
        "redelivered after a kill": len(waits),
        f"later than {USUAL_REDELIVERY_SECONDS} s": sum(wait > USUAL_REDELIVERY_SECONDS for wait in waits),
        "redelivery after a kill, median s": round(statistics.median(waits), 1) if waits else 0,
        "redelivery after a kill, longest s": round(max(waits), 1) if waits else 0,
    }
    return Verdict(figures=figures, causes=[*_causes(facts, figures)])


def _causes(facts: Facts, figures: Mapping[str, int | float]) -> Iterator[str]:
    possible = sum(not order.refused for order in facts.orders)
    if figures["right results"] < LEAST_COMPLETED * possible:
        yield f"only {figures['right results']} of {possible} requests have the right result"
    for order, key in _known(facts):
        yield from _faults_of(order, key, facts)
    for order_key in _lost(facts):
        yield f"{order_key}: lost"
    for order_key in facts.split:
        yield f"{order_key}: one Idempotency-Key, two requests"
    if strangers := len(facts.lives.keys() - set(facts.accepted.values())):
        yield f"{strangers} records that no caller was told of"
    if "internal_error" in facts.repeated:
        yield f"{facts.repeated['internal_error']} submissions met an unexpected error of ours"
    if facts.dead_letters:
        yield f"{facts.dead_letters} messages in the dead-letter queues"
    yield from _faults_of_redelivery(facts, figures)


def _faults_of_redelivery(facts: Facts, figures: Mapping[str, int | float]) -> Iterator[str]:
    longest = LONGEST_REDELIVERY_SECONDS + sum(facts.away_seconds)
    for kind, limit in (("median", USUAL_REDELIVERY_SECONDS), ("longest", longest)):
        if (seconds := figures[f"redelivery after a kill, {kind} s"]) > limit:
            yield f"the {kind} redelivery took {seconds} s instead of {limit:.0f} at the most"
    if len(facts.kills) >= ENOUGH_KILLS and not figures["requests under way when killed"]:
        yield "no kill hit a request that was under way, so nothing was proven"


def _faults_of(order: Order, key: RequestKey, facts: Facts) -> Iterator[str]:
    outcome, life = facts.outcomes.get(order.key), facts.lives.get(key)
    name = f"{order.key} ({key.api} {key.id})"
    if life is None or life.endings != 1:
        yield f"{name}: {life.endings if life else 0} terminal events"
    if life is not None and life.writes_after_the_end:
        yield f"{name}: written {life.writes_after_the_end} times after its end"
    if life is not None and life.unseen > len(facts.away_seconds):
        yield f"{name}: changed {life.unseen} times without an event"
    if outcome is None or _right(order, facts):
        return
    state = outcome.state
    if state.status is Status.COMPLETED:
        yield f"{name}: completed with a wrong result"
    elif order.refused:
        yield f"{name}: refused by its container, yet {state.status} with {state.error}"
    elif state.status is not Status.FAILED or state.error is None or state.error.code not in FAILURE_CODES:
        yield f"{name}: {state.status} with {state.error}"


def _right(order: Order, facts: Facts) -> bool:
    """Whether its caller was told what must come of the order."""
    outcome = facts.outcomes.get(order.key)
    if outcome is None:
        return False
    right = {"sha256": order.digest}
    if not order.refused:
        return outcome.state.status is Status.COMPLETED and outcome.state.result == right
    error = outcome.state.error
    return (
        error is not None and error.code == CONTAINER_ERROR and outcome.answer == json.dumps(right).encode()
    )


def _known(facts: Facts) -> Iterator[tuple[Order, RequestKey]]:
    for order in facts.orders:
        if order.key in facts.accepted:
            yield order, facts.accepted[order.key]


def _lost(facts: Facts) -> Iterator[str]:
    """Orders without an end: never accepted, forgotten, or still under way when time was up."""
    for order in facts.orders:
        outcome = facts.outcomes.get(order.key)
        if outcome is None or not outcome.state.status.terminal:
            yield order.key


def _redeliveries(facts: Facts) -> Iterator[float]:
    """Seconds from each kill to the next attempt of each request that the worker held."""
    for kill in facts.kills:
        for key in kill.held & facts.lives.keys():
            later = [claim for claim in facts.lives[key].claims_ms if claim > kill.at_ms]
            if later:
                yield (min(later) - kill.at_ms) / 1000
