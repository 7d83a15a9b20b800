"""How ECS replaces the tasks of a service when its task definition changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_ecs as ecs

if TYPE_CHECKING:
    from penstock.config import AsyncApi

_Service = ecs.CfnService


def configuration(api: AsyncApi) -> _Service.DeploymentConfigurationProperty:
    """The API's ``update_strategy`` in the words of ECS."""
    bounds, strategy = api.autoscaling.timetable.widest, api.update_strategy
    shares = strategy.percentages(fewest=bounds.fewest, most=bounds.most)
    return _Service.DeploymentConfigurationProperty(
        minimum_healthy_percent=shares.minimum_healthy,
        maximum_percent=shares.maximum,
        deployment_circuit_breaker=_Service.DeploymentCircuitBreakerProperty(
            enable=True,
            rollback=True,
            threshold_configuration=_threshold(strategy.failure_threshold),
        ),
        # CloudFormation gives a service three hours. Old tasks end when their requests have, which may
        # take longer: the deployment is over once the new ones are healthy, and the old ones go after it.
        early_success_criteria=_Service.DeploymentEarlySuccessCriteriaProperty(
            enable=True, healthy_percent=100, source_service_revision_cleanup="DEFERRED"
        ),
    )


def _threshold(failures: int | None) -> _Service.ThresholdConfigurationProperty | None:
    if failures is None:
        return None
    return _Service.ThresholdConfigurationProperty(type="COUNT", value=failures)
