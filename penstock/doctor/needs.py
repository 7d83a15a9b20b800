"""What a configuration may need of the machine that deploys it and of the account."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Of a task besides the user's containers, in thousandths of a vCPU; Fargate's sizes round it up anyway.
_SIDECAR_MILLICORES = 250
_THOUSAND = 1000

_FARGATE, _INSTANCES, _GROUP = "fargate", "managed_instances", "ec2"

#: Of Lambda: as many callers as may wait at once, the lanes of webhooks, and a handful besides.
CONCURRENT_CALLS = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """As far as the configuration tells; what jobs ask for is not known before."""

    #: vCPUs of all tasks at their most.
    fargate_vcpus: int
    fargate_spot_vcpus: int
    #: Families of instance types that are named, such as ``g5``, On-Demand and Spot.
    families: frozenset[str]
    spot_families: frozenset[str]
    own_vpc: bool
    elastic_ips: int
    #: ARNs, and names of parameters, that containers and the network take something from.
    secrets: tuple[str, ...]
    parameters: tuple[str, ...]
    buckets: tuple[str, ...]
    certificate: str | None
    hosted_zone: str | None
    #: An API for single requests, whose service is scaled.
    scales: bool


def of(document: Mapping[str, Any]) -> Needs:
    """From the configuration as a plain document, with its defaults filled in."""
    apis: Sequence[Mapping[str, Any]] = document["apis"]
    network: Mapping[str, Any] = document.get("network") or {}
    domain: Mapping[str, Any] = document.get("domain") or {}
    spot, on_demand = _fargate(apis)
    references = sorted(set(_references(apis)))
    return Needs(
        fargate_vcpus=math.ceil(on_demand / _THOUSAND),
        fargate_spot_vcpus=math.ceil(spot / _THOUSAND),
        families=frozenset(_families(apis, spot=False)),
        spot_families=frozenset(_families(apis, spot=True)),
        own_vpc=network.get("kind") != "existing",
        elastic_ips=int(network.get("nat_gateways") or 1) if network.get("kind") == "nat" else 0,
        secrets=tuple(name for name in references if ":secretsmanager:" in name),
        parameters=tuple(name for name in references if ":secretsmanager:" not in name),
        buckets=tuple(sorted({bucket for api in apis for bucket in api.get("input_buckets") or ()})),
        certificate=domain.get("certificate_arn"),
        hosted_zone=domain.get("hosted_zone_id"),
        scales=any(api["kind"] == Kind.ASYNC for api in apis),
    )


def _capacity(api: Mapping[str, Any]) -> Mapping[str, Any]:
    capacity: Mapping[str, Any] = api.get("capacity") or {}
    return capacity


def _fargate(apis: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Thousandths of a vCPU on Fargate Spot and On-Demand, with all tasks that there may be."""
    spot = on_demand = 0.0
    for api in apis:
        if _capacity(api).get("kind", _FARGATE) != _FARGATE:
            continue
        # A job says itself how many workers it wants: one at least.
        replicas = int((api.get("autoscaling") or {}).get("max_replicas") or 1)
        size = _SIDECAR_MILLICORES + sum(_millicores(one) for one in api["pod"]["containers"])
        share = (_capacity(api).get("spot_percent") or 0) / 100
        spot += replicas * size * share
        on_demand += replicas * size * (1 - share)
    return spot, on_demand


def _millicores(container: Mapping[str, Any]) -> int:
    found = (container.get("compute") or {}).get("cpu_millicores")
    return int(found or 0)


def _families(apis: Sequence[Mapping[str, Any]], *, spot: bool) -> Iterator[str]:
    for api in apis:
        capacity = _capacity(api)
        percent = int(capacity.get("spot_percent") or 0)
        if capacity.get("kind") in {_INSTANCES, _GROUP} and (percent > 0 if spot else percent < 100):  # noqa: PLR2004 - all of it
            yield from (name.split(".")[0] for name in capacity.get("instance_types") or ())


def _references(apis: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for api in apis:
        for container in api["pod"]["containers"]:
            yield from (container.get("secrets") or {}).values()
            if container.get("registry_credentials"):
                yield container["registry_credentials"]
