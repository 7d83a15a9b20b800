"""Health checks of containers: commands that ECS runs inside them.

A service's task with an unhealthy container is replaced. What a probe asks over the network is not
here: that would need a shell or curl in the user's image, so the dequeuer asks instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_ecs as ecs

if TYPE_CHECKING:
    from penstock.config import Container

_HealthCheck = ecs.CfnTaskDefinition.HealthCheckProperty


def of_container(container: Container) -> _HealthCheck | None:
    """The user's own, if its liveness probe is a command."""
    probe = container.liveness_probe
    if probe is None or probe.exec is None:
        return None
    return _HealthCheck(
        command=["CMD", *probe.exec.command],
        interval=probe.period_seconds,
        timeout=probe.timeout_seconds,
        retries=probe.failure_threshold,
        start_period=probe.initial_delay_seconds,
    )


def of_dequeuer() -> _HealthCheck:
    """Three times unanswered: an event loop that stands still for a minute or two gets a new task."""
    return _HealthCheck(
        command=["CMD", "python3", "-m", "dequeuer.healthcheck"],
        interval=30,
        timeout=15,
        retries=3,
        start_period=60,
    )
