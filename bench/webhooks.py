"""What a receiver that hangs costs the others, and whether a receiver gets anything twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.report import Report, Target
from bench.senders import Senders
from penstock.webhooks.deliveries import State

if TYPE_CHECKING:
    from bench.options import Options
    from bench.rig import Rig

GOOD_RECEIVERS = 10
#: A good receiver's time; with it, the lane's 20 calls are the bound, and not this machine.
ANSWER_SECONDS = 0.1
LOST_LIMIT_PERCENT = 10

#: Deliveries to one host.
ONE_HOST = 1000
#: Of so many calls, the answer to one is lost.
LOSE_ONE_OF = 20

_HANG_SECONDS = 3600


def webhooks(rig: Rig, options: Options) -> Report:
    """Deliveries per second to ten good receivers, without and with one beside them that hangs."""
    alone = _rate(rig, options.deliveries, hanging=False)
    beside = _rate(rig, options.deliveries, hanging=True)
    lost = 100 * (1 - beside["per_second"] / alone["per_second"])
    rows = [
        (
            name,
            f"{row['per_second']:.1f}",
            f"{row['seconds']:.1f}",
            str(row["delivered"]),
            str(row["twice"]),
            str(row["hung"]),
        )
        for name, row in (("none", alone), ("one of eleven", beside))
    ]
    return Report(
        name="webhooks",
        title="deliveries to ten good receivers, which answer after 0.1 s",
        columns=("that hang", "delivered/s", "seconds", "delivered", "called twice", "calls that hung"),
        rows=rows,
        targets=[
            Target(
                promise="rate lost by a receiver that hangs on every call",
                measured=max(0.0, lost),
                limit=LOST_LIMIT_PERCENT,
                unit="%",
            ),
            Target(promise="deliveries made twice", measured=alone["twice"], limit=0, unit="deliveries"),
        ],
        data={"alone": alone, "beside": beside, "lost_percent": lost},
    )


def _rate(rig: Rig, count: int, *, hanging: bool) -> dict[str, Any]:
    senders = Senders(rig.container_port)
    for number in range(count):
        senders.enqueue(f"good-{number % GOOD_RECEIVERS}", f"answer_after={ANSWER_SECONDS}")
        if hanging and number % GOOD_RECEIVERS == 0:
            senders.enqueue("hanging", f"answer_after={_HANG_SECONDS}", awaited=False)
    seconds = senders.run()
    rows = senders.deliveries.rows.values()
    good = [each for each in rows if "hanging" not in each.url]
    hung = [each for each in rows if "hanging" in each.url]
    return {
        "seconds": seconds,
        "per_second": count / seconds,
        "delivered": sum(each.state is State.DELIVERED for each in good),
        "twice": sum(len(each.attempts) != 1 for each in good),
        "hung": sum(len(each.attempts) for each in hung),
    }


def one_host(rig: Rig, _options: Options) -> Report:
    """A thousand deliveries to one host: what it gets twice, by its own count."""
    fine = _to_one_host(rig, f"answer_after={ANSWER_SECONDS}")
    lossy = _to_one_host(rig, f"answer_after={ANSWER_SECONDS}&lose_one_of={LOSE_ONE_OF}")
    rows = [
        (
            name,
            f"{row['seconds']:.1f}",
            f"{ONE_HOST / row['seconds']:.1f}",
            str(row["calls"]),
            str(row["ids"]),
            str(row["twice"]),
        )
        for name, row in (("none", fine), (f"one of {LOSE_ONE_OF}", lossy))
    ]
    unexplained = lossy["calls"] - ONE_HOST - lossy["lost"]
    return Report(
        name="one_host",
        title=f"{ONE_HOST} deliveries to one host, which answers after {ANSWER_SECONDS} s",
        columns=("answers lost", "seconds", "deliveries/s", "calls", "ids", "got twice or more"),
        rows=rows,
        targets=[
            Target(promise="got twice without faults", measured=fine["twice"], limit=0, unit="deliveries"),
            Target(
                promise="calls made again without a lost answer", measured=unexplained, limit=0, unit="calls"
            ),
            Target(
                promise="ids that are none of the deliveries'",
                measured=fine["strange"] + lossy["strange"],
                limit=0,
                unit="ids",
            ),
        ],
        data={"fine": fine, "lossy": lossy},
    )


def _to_one_host(rig: Rig, query: str) -> dict[str, Any]:
    senders = Senders(rig.container_port)
    for _ in range(ONE_HOST):
        senders.enqueue("only", query)
    rig.webhooks_received()
    seconds = senders.run()
    received, lost = rig.webhooks_received()
    sent = {delivery.event_id for delivery in senders.deliveries.rows.values()}
    return {
        "seconds": seconds,
        "calls": sum(received.values()),
        "ids": len(received),
        "twice": sum(count > 1 for count in received.values()),
        "lost": lost,
        "strange": len(received.keys() - sent),
    }
