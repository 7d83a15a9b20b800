"""How long AWS takes for what: the simulator's assumptions, each to be replaced by one's own measure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Times in seconds.

    Defaults are for a GPU task with an image of a few gigabytes; of what AWS documents, the documented
    value, else a cautious guess.
    """

    #: From PutMetricData to an alarm that sees the value.
    metric: float = 3.0
    #: How often a high-resolution alarm looks. AWS: 10 or 30 s.
    alarm_period: float = 10.0
    #: From an alarm's action to the service's desired count.
    action: float = 5.0
    #: From the desired count to a machine that has room, unless one is idle.
    provision: float = 90.0
    #: Pulling the image onto a new machine.
    image_pull: float = 60.0
    #: From the container's start to the first request, such as for loading a model.
    model_load: float = 30.0
    #: How long an idle machine is kept for the next task.
    idle_hold: float = 0.0
    #: Interruptions of a machine in an hour, on average; 0 for On-Demand.
    spot_interruptions_per_hour: float = 0.0
    #: Notice before an interruption. AWS: two minutes.
    spot_notice: float = 120.0
    #: From SIGTERM to the end of what is given back (R18).
    drain: float = 100.0
    #: A busy task is protected after this long (R19).
    protection: float = 10.0
