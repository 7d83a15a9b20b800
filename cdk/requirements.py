"""What ECS Managed Instances may choose from, in the words of its instance requirements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_ecs as ecs

from penstock import instance_types
from penstock.config.requirements import AcceleratorMaker, Requirements
from penstock.instance_types import Architecture

if TYPE_CHECKING:
    from penstock.config import ManagedInstances, Pod

_Provider = ecs.CfnCapacityProvider
_Required = _Provider.InstanceRequirementsRequestProperty

_CPU_MAKERS = {Architecture.X86_64: ["intel", "amd"], Architecture.ARM64: ["amazon-web-services"]}

#: AWS leaves out what costs a certain part more than the cheapest type that fits; this is how one says no to
#: that. Whoever lists types wants them all.
_ANY_PRICE = 999_999

_GIB_MIB = 1024


def of(pod: Pod, capacity: ManagedInstances, *, spot: bool) -> _Required:
    """The requirements of one API's instances: what was configured, and at least what a task asks for."""
    if capacity.instance_types:
        return _listed(pod, capacity, spot=spot)
    required = capacity.requirements or Requirements()
    accelerated = _accelerated(pod, required)
    return _Required(
        v_cpu_count=_Provider.VCpuCountRangeRequestProperty(
            min=max(_least_vcpus(pod), (required.vcpus and required.vcpus.min) or 0),
            max=required.vcpus.max if required.vcpus else None,
        ),
        memory_mib=_Provider.MemoryMiBRequestProperty(
            min=max(pod.needs.memory_mib, (required.memory and required.memory.min_mib) or 0),
            max=required.memory.max_mib if required.memory else None,
        ),
        memory_gib_per_v_cpu=_memory_per_vcpu(required),
        cpu_manufacturers=_CPU_MAKERS[capacity.architecture],
        burstable_performance="included" if required.burstable else None,
        local_storage="required" if required.local_storage else None,
        accelerator_count=_accelerators(pod, required),
        accelerator_types=["inference" if pod.neuron else "gpu"] if accelerated else None,
        accelerator_manufacturers=_makers(pod, required) if accelerated else None,
        accelerator_names=[str(name) for name in required.accelerator_names] or None,
        accelerator_total_memory_mib=_accelerator_memory(required),
    )


def _listed(pod: Pod, capacity: ManagedInstances, *, spot: bool) -> _Required:
    known = [found for name in capacity.instance_types if (found := instance_types.find(name))]
    return _Required(
        allowed_instance_types=list(capacity.instance_types),
        v_cpu_count=_Provider.VCpuCountRangeRequestProperty(min=_least_vcpus(pod)),
        memory_mib=_Provider.MemoryMiBRequestProperty(min=pod.needs.memory_mib),
        # Left out unless asked for, also of a list.
        burstable_performance="included" if any(found.burstable for found in known) else None,
        bare_metal="included" if any(".metal" in name for name in capacity.instance_types) else None,
        spot_max_price_percentage_over_lowest_price=_ANY_PRICE if spot else None,
        on_demand_max_price_percentage_over_lowest_price=None if spot else _ANY_PRICE,
    )


def _least_vcpus(pod: Pod) -> int:
    return -(-pod.needs.cpu_units // 1024)


def _memory_per_vcpu(required: Requirements) -> _Provider.MemoryGiBPerVCpuRequestProperty | None:
    if required.memory_per_vcpu is None:
        return None
    least, most = required.memory_per_vcpu.ends
    return _Provider.MemoryGiBPerVCpuRequestProperty(
        min=least / _GIB_MIB if least is not None else None, max=most / _GIB_MIB if most is not None else None
    )


def _accelerated(pod: Pod, required: Requirements) -> bool:
    asked = pod.gpus > 0 or pod.neuron or required.accelerator_names or required.accelerator_memory
    return bool(asked or (required.accelerators and required.accelerators.max != 0))


def _accelerators(pod: Pod, required: Requirements) -> _Provider.AcceleratorCountRequestProperty:
    """Their number; where none is asked for, no instance that has any."""
    if not _accelerated(pod, required):
        return _Provider.AcceleratorCountRequestProperty(max=0)
    least, most = required.accelerators.ends if required.accelerators else (None, None)
    return _Provider.AcceleratorCountRequestProperty(min=max(pod.gpus, least or 1), max=most)


def _makers(pod: Pod, required: Requirements) -> list[str]:
    makers = required.accelerator_manufacturers or (
        AcceleratorMaker.AWS if pod.neuron else AcceleratorMaker.NVIDIA,
    )
    return [str(maker) for maker in makers]


def _accelerator_memory(required: Requirements) -> _Provider.AcceleratorTotalMemoryMiBRequestProperty | None:
    if required.accelerator_memory is None:
        return None
    least, most = required.accelerator_memory.ends
    return _Provider.AcceleratorTotalMemoryMiBRequestProperty(min=least, max=most)
