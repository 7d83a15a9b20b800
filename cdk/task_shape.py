"""What of a task definition follows from where the task runs, and from what its containers ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_ecs as ecs

from penstock import sizes
from penstock.config import CapacityKind
from penstock.instance_types import Architecture

if TYPE_CHECKING:
    from penstock.config import AsyncApi, BatchApi, Compute

_Definition = ecs.CfnTaskDefinition

_COMPATIBILITIES = {
    CapacityKind.FARGATE: "FARGATE",
    CapacityKind.MANAGED_INSTANCES: "MANAGED_INSTANCES",
    CapacityKind.EC2: "EC2",
}
_ARCHITECTURES = {Architecture.X86_64: "X86_64", Architecture.ARM64: "ARM64"}


def compatibilities(api: AsyncApi | BatchApi) -> list[str]:
    """What ECS checks the definition against."""
    return [_COMPATIBILITIES[api.capacity.kind]]


def size(api: AsyncApi | BatchApi) -> sizes.Size | None:
    """CPU and memory of the whole task; none on ``ec2``, where containers may use what is idle beside them.

    There ECS places the task by what each container reserves.
    """
    match api.capacity.kind:
        case CapacityKind.FARGATE:
            return sizes.fargate(api.pod.needs)
        case CapacityKind.MANAGED_INSTANCES:
            return api.pod.needs
        case CapacityKind.EC2:
            return None


def platform(api: AsyncApi | BatchApi) -> _Definition.RuntimePlatformProperty | None:
    """Operating system and processors; on ``ec2`` the instances are of the right kind."""
    if api.capacity.kind is CapacityKind.EC2:
        return None
    return _Definition.RuntimePlatformProperty(
        cpu_architecture=_ARCHITECTURES[api.capacity.architecture], operating_system_family="LINUX"
    )


def storage(api: AsyncApi | BatchApi) -> _Definition.EphemeralStorageProperty | None:
    """The task's disk, if it is not as Fargate has it."""
    gib = api.pod.ephemeral_storage_gib
    return _Definition.EphemeralStorageProperty(size_in_gib=gib) if gib else None


def devices(compute: Compute) -> list[_Definition.ResourceRequirementProperty] | None:
    """Accelerators that are a container's alone."""
    if compute.gpu:
        return [_Definition.ResourceRequirementProperty(type="GPU", value=str(compute.gpu))]
    if compute.neuron:
        return [_Definition.ResourceRequirementProperty(type="NeuronDevice", value="ALL")]
    return None


def linux(shm_mib: int | None = None) -> _Definition.LinuxParametersProperty:
    """How a container's processes live."""
    return _Definition.LinuxParametersProperty(
        # A shell as first process swallows SIGTERM; an init passes it on, and reaps what is left behind.
        init_process_enabled=True,
        shared_memory_size=shm_mib,
    )
