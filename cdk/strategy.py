"""Which capacity providers an API's tasks are spread over, and in what shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock import names
from penstock.config import CapacityKind

if TYPE_CHECKING:
    from penstock.config import AsyncApi, BatchApi

ON_DEMAND, SPOT, GROUP = "on-demand", "spot", "group"

_ALL = 100

FARGATE, FARGATE_SPOT = "FARGATE", "FARGATE_SPOT"


@dataclass(frozen=True, slots=True)
class Share:
    """A provider, how many tasks it has before others get any, and its weight for all after those."""

    provider: str
    weight: int
    base: int = 0


def shares(api: AsyncApi | BatchApi, deployment: str) -> tuple[Share, ...]:
    """The providers of an API's tasks."""
    capacity = api.capacity
    on_demand, spot = FARGATE, FARGATE_SPOT
    match capacity.kind:
        case CapacityKind.EC2:
            # The group mixes its instances itself.
            return (Share(names.capacity_provider(deployment, api.name, GROUP), 1),)
        case CapacityKind.MANAGED_INSTANCES:
            on_demand = names.capacity_provider(deployment, api.name, ON_DEMAND)
            spot = names.capacity_provider(deployment, api.name, SPOT)
    if capacity.spot_percent == 0:
        return (Share(on_demand, 1),)
    if capacity.spot_percent < _ALL:
        weight = _ALL - capacity.spot_percent
        return Share(on_demand, weight, capacity.on_demand_base), Share(spot, capacity.spot_percent)
    if capacity.on_demand_base:
        # ECS uses no provider of weight 0, also not for its base.
        return Share(on_demand, 1, capacity.on_demand_base), Share(spot, 999)
    return (Share(spot, 1),)
