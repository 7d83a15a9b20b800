"""What APIs cannot have in a network without a way out, or behind a front door without a way in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.config.capacity import CapacityKind
from penstock.config.findings import Finding, entries
from penstock.config.network import NetworkKind
from penstock.image_references import ecr_image
from penstock.webhooks.errors import CallbackRefused
from penstock.webhooks.own import own_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.config.access import Access
    from penstock.config.network import Network


def unreachable(apis: object, *, network: Network | None, access: Access | None) -> Iterator[Finding]:
    """Findings about the raw list of APIs; what is None was wrong itself."""
    if network is not None and network.kind is NetworkKind.ENDPOINTS:
        yield from _public_images(apis)
    if network is not None and network.public_addresses:
        yield from _addressless(apis)
    if access is not None and access.private:
        yield from _own_calls(apis)


def _public_images(apis: object) -> Iterator[Finding]:
    for index, api in entries(apis):
        pod = api.get("pod")
        for number, container in entries(pod.get("containers") if isinstance(pod, Mapping) else None):
            image = container.get("image")
            if isinstance(image, str) and ecr_image(image) is None:
                yield Finding(
                    (index, "pod", "containers", number, "image"),
                    "cannot be pulled with network.kind: endpoints, which has no way to a public registry: "
                    "copy the image to a private ECR repository of the region and name it as "
                    "<account>.dkr.ecr.<region>.amazonaws.com/…, use build, or choose another kind",
                )


def _addressless(apis: object) -> Iterator[Finding]:
    for index, api in entries(apis):
        capacity = api.get("capacity")
        kind = capacity.get("kind") if isinstance(capacity, Mapping) else None
        if kind in _ON_INSTANCES:
            yield Finding(
                (index, "capacity", "kind"),
                f"{kind} cannot call out from public subnets: only tasks on Fargate get public addresses; "
                "set network.kind: nat or endpoints, or existing with subnets that have a way out",
            )


_ON_INSTANCES = (CapacityKind.MANAGED_INSTANCES, CapacityKind.EC2)


def _own_calls(apis: object) -> Iterator[Finding]:
    for index, api in entries(apis):
        webhook = api.get("webhook")
        if not isinstance(webhook, Mapping):
            continue
        if webhook.get("chain"):
            yield Finding((index, "webhook", "chain"), _CALLED_FROM_OUTSIDE)
        if _is_own(webhook.get("url")):
            yield Finding((index, "webhook", "url"), _CALLED_FROM_OUTSIDE)


_CALLED_FROM_OUTSIDE = (
    "cannot call an API of this deployment with access.vpc_endpoints: webhooks are sent from outside the "
    "VPC, where a private API is not reached"
)


def _is_own(url: Any) -> bool:
    try:
        return isinstance(url, str) and own_call(url) is not None
    except CallbackRefused:
        return False  # the field itself says so
