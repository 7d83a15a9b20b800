"""Whether what a pod asks for exists where it is to run: what does not is refused, with what does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock import instance_types, sizes
from penstock.amounts import amount
from penstock.config.capacity import CapacityKind, Ec2, ManagedInstances
from penstock.config.findings import Finding
from penstock.config.pod import LONGEST_STOP_OF_AWS
from penstock.config.quantities import format_duration
from penstock.config.requirements import AcceleratorMaker
from penstock.instance_types import Architecture
from penstock.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.config.capacity import FargateCapacity
    from penstock.config.container import Compute
    from penstock.config.pod import Pod
    from penstock.config.requirements import Requirements
    from penstock.instance_types import InstanceType

    AnyCapacity = FargateCapacity | ManagedInstances | Ec2

#: System and ECS agent take at least this part of an instance's memory, most a little more. What asks for
#: more than the rest would wait for ever for an instance to run on.
_OF_THE_SYSTEM = 0.03


def misfits(pod: Pod, capacity: AnyCapacity, *, kind: Kind) -> Iterator[Finding]:
    """What of a pod or its capacity cannot be; places are those within the API."""
    yield from _unavailable(pod, capacity)
    if isinstance(capacity, Ec2 | ManagedInstances):
        yield from _unstated_memory(pod)
        yield from _unfitting_types(pod, capacity)
    else:
        yield from _too_large(pod)
    if isinstance(capacity, Ec2):
        yield from _imageless(pod, capacity)
    if isinstance(capacity, ManagedInstances) and capacity.requirements is not None:
        yield from _unmet(pod, capacity.requirements)
        yield from _unusable(pod, capacity.requirements, capacity.architecture)
    if kind is Kind.BATCH and not isinstance(capacity, Ec2):
        yield from _unmixable(capacity)


def _unavailable(pod: Pod, capacity: AnyCapacity) -> Iterator[Finding]:
    """Keys of a pod that another kind of capacity has."""
    kind = capacity.kind
    for key, asked, others, why in (
        ("gpu", _has_gpu, _INSTANCES, "Fargate has no GPUs"),
        (
            "neuron",
            _has_neuron,
            (CapacityKind.MANAGED_INSTANCES,),
            "ECS hands out Neuron devices on managed instances only",
        ),
        ("shm", _has_shm, (CapacityKind.EC2,), "only on ec2 can /dev/shm be larger than 64 MiB"),
    ):
        if kind not in others:
            choice = " or ".join(others)
            reason = f"must be left out on {kind}: {why}; use capacity.kind: {choice}"
            yield from (
                Finding(("pod", "containers", index, "compute", key), reason)
                for index, container in enumerate(pod.containers)
                if asked(container.compute)
            )
    if pod.ephemeral_storage_gib is not None and kind is not CapacityKind.FARGATE:
        reason = f"is for Fargate; on {kind} the instances have disks: use capacity.disk"
        yield Finding(("pod", "ephemeral_storage"), reason)
    if pod.stop_timeout > LONGEST_STOP_OF_AWS and kind is not CapacityKind.EC2:
        reason = (
            f"must be at most {format_duration(LONGEST_STOP_OF_AWS)} on {kind}, where AWS waits no longer"
        )
        yield Finding(("pod", "stop_timeout"), f"{reason}; use capacity.kind: {CapacityKind.EC2}")


_INSTANCES = (CapacityKind.MANAGED_INSTANCES, CapacityKind.EC2)


def _has_gpu(compute: Compute) -> bool:
    return compute.gpu > 0


def _has_neuron(compute: Compute) -> bool:
    return compute.neuron


def _has_shm(compute: Compute) -> bool:
    return compute.shm_mib is not None


def _too_large(pod: Pod) -> Iterator[Finding]:
    try:
        sizes.fargate(pod.needs)
    except sizes.TooLarge as error:
        yield Finding(("pod", "containers"), str(error))


def _unstated_memory(pod: Pod) -> Iterator[Finding]:
    for index, container in enumerate(pod.containers):
        if container.compute.mem_mib is None:
            yield Finding(
                ("pod", "containers", index, "compute", "mem"),
                "is required on instances, where ECS places a task by what it asks for",
            )


def _unfitting_types(pod: Pod, capacity: Ec2 | ManagedInstances) -> Iterator[Finding]:
    """Types without room for a task. A group may start any of its types; ECS itself takes one that fits."""
    known = [(index, instance_types.find(name)) for index, name in enumerate(capacity.instance_types)]
    small = [(index, found) for index, found in known if found is not None and not _holds(found, pod)]
    if isinstance(capacity, Ec2):
        for index, found in small:
            yield Finding(("capacity", "instance_types", index), _too_small(found, pod))
    elif small and len(small) == len(known):
        _, largest = max(small, key=lambda each: (each[1].gpus, each[1].memory_mib))
        yield Finding(("capacity", "instance_types"), f"has no type for a task: {_too_small(largest, pod)}")


def _holds(found: InstanceType, pod: Pod) -> bool:
    return (
        pod.needs.cpu_units <= found.vcpus * 1024
        and pod.needs.memory_mib <= _for_tasks(found)
        and pod.gpus <= found.gpus
        and (found.neuron_devices > 0 or not pod.neuron)
    )


def _for_tasks(found: InstanceType) -> int:
    return int(found.memory_mib * (1 - _OF_THE_SYSTEM))


def _too_small(found: InstanceType, pod: Pod) -> str:
    needs = pod.needs
    asked = f"{needs.cpu_units / 1024:.4g} vCPU, {needs.memory_mib} MiB"
    has = f"{found.vcpus} vCPU, {found.memory_mib} MiB, of which tasks get {_for_tasks(found)} at most"
    if pod.gpus:
        asked, has = f"{asked}, {_count(pod.gpus, 'GPU')}", f"{has}, {_count(found.gpus, 'GPU')}"
    if pod.neuron:
        asked, has = f"{asked}, Neuron devices", f"{has}, {_count(found.neuron_devices, 'Neuron device')}"
    return f"{found.name} has {has}; the containers and the dequeuer ask for {asked}"


def _count(number: int, what: str) -> str:
    return amount(number, what) if number else f"no {what}s"


def _imageless(pod: Pod, capacity: Ec2) -> Iterator[Finding]:
    if pod.gpus and capacity.architecture is Architecture.ARM64 and capacity.ami is None:
        yield Finding(
            ("capacity", "ami"),
            "is required for GPUs on arm64, for which AWS has no ECS-optimized image: name one of yours, or "
            "use capacity.kind: managed_instances",
        )


def _unmet(pod: Pod, required: Requirements) -> Iterator[Finding]:
    """Upper ends of ranges that lie below what a task asks for."""
    asked = (
        ("vcpus", -(-pod.needs.cpu_units // 1024), "vCPU", required.vcpus),
        ("memory", pod.needs.memory_mib, "MiB", required.memory),
        (
            "accelerators",
            pod.gpus or int(pod.neuron),
            "Neuron devices" if pod.neuron else "GPUs",
            required.accelerators,
        ),
    )
    for key, least, unit, allowed in asked:
        most = allowed.ends[1] if allowed else None
        if most is not None and most < least:
            yield Finding(
                ("capacity", "requirements", key, "max"),
                f"is below what the containers and the dequeuer ask for: {least} {unit}",
            )


def _unusable(pod: Pod, required: Requirements, architecture: Architecture) -> Iterator[Finding]:
    """Accelerators of which a task can have none: GPUs are NVIDIA's, and Neuron devices AWS's."""
    maker = AcceleratorMaker.AWS if pod.neuron else AcceleratorMaker.NVIDIA
    remedy = "" if pod.neuron else ", or set neuron in a container's compute"
    makers, names = required.accelerator_manufacturers, required.accelerator_names
    if makers and maker not in makers:
        yield Finding(
            ("capacity", "requirements", "accelerator_manufacturers"),
            f"must have {maker} among them: containers cannot get others{remedy}",
        )
    if names and not any(name.maker is maker and name.architecture is architecture for name in names):
        yield Finding(
            ("capacity", "requirements", "accelerator_names"),
            f"must have one among them that {maker} made, in instances of architecture {architecture}: "
            f"containers cannot get others{remedy}",
        )


def _unmixable(capacity: FargateCapacity | ManagedInstances) -> Iterator[Finding]:
    """Each worker of a job is a RunTask of its own, which ECS mixes within one call only."""
    remedy = "use capacity.kind: ec2, whose instances are mixed"
    if capacity.spot_percent not in {0, 100}:
        reason = (
            f"must be 0 or 100 for a BatchAPI: ECS chooses anew for each worker, without a count; {remedy}"
        )
        yield Finding(("capacity", "spot_percent"), reason)
    if capacity.on_demand_base:
        reason = (
            f"must be left out for a BatchAPI: each worker would be the first one, and On-Demand; {remedy}"
        )
        yield Finding(("capacity", "on_demand_base"), reason)
