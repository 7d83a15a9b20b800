"""Which instances ECS Managed Instances may choose from, by what they have."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Strict, ValidationInfo, field_validator

from penstock.config.findings import each_once
from penstock.config.ranges import Counts, Memories
from penstock.config.section import Section
from penstock.instance_types import Architecture


class AcceleratorMaker(StrEnum):
    """Who made an accelerator, in AWS's words."""

    NVIDIA = "nvidia"
    AWS = "amazon-web-services"


class AcceleratorName(StrEnum):
    """Accelerators that AWS selects by name; newer ones are selected by `instance_types`.

    All are NVIDIA's and in x86_64 instances, but for ``INFERENTIA`` and ``T4G``.
    """

    A10G = "a10g"
    A100 = "a100"
    H100 = "h100"
    INFERENTIA = "inferentia"
    T4 = "t4"
    T4G = "t4g"
    V100 = "v100"

    @property
    def maker(self) -> AcceleratorMaker:
        """Who made it."""
        return AcceleratorMaker.AWS if self is AcceleratorName.INFERENTIA else AcceleratorMaker.NVIDIA

    @property
    def architecture(self) -> Architecture:
        """Processors of the instances that have it."""
        return Architecture.ARM64 if self is AcceleratorName.T4G else Architecture.X86_64


class Requirements(Section):
    """What instances must have. At least what a task asks for is required anyway."""

    vcpus: Counts | None = None
    """vCPUs of an instance: `{min: 4, max: 16}`."""

    memory: Memories | None = None
    """Memory of an instance: `{min: 16Gi}`."""

    memory_per_vcpu: Memories | None = None
    """Memory per vCPU: `{min: 4Gi, max: 8Gi}`."""

    accelerators: Counts | None = None
    """GPUs, or Neuron devices, of an instance. Default: at least as many as a task asks for."""

    accelerator_memory: Memories | None = None
    """Memory of all its accelerators together: `{min: 24Gi}`."""

    accelerator_names: tuple[AcceleratorName, ...] = ()
    """Accelerators by name, such as `[t4, a10g]`."""

    accelerator_manufacturers: tuple[AcceleratorMaker, ...] = ()
    """`nvidia` or `amazon-web-services`. Default: by what a task asks for."""

    burstable: Annotated[bool, Strict()] = False
    """Whether instances may live on CPU credits (t3, t3a, t4g)."""

    local_storage: Annotated[bool, Strict()] = False
    """Whether instances must have disks of their own (NVMe)."""

    @field_validator("accelerator_names")
    @classmethod
    def _each_name_once(cls, value: tuple[AcceleratorName, ...]) -> tuple[AcceleratorName, ...]:
        each_once(value, what="accelerator")
        return value

    @field_validator("accelerator_names", "accelerator_memory")
    @classmethod
    def _of_some(cls, value: Any, info: ValidationInfo) -> Any:
        accelerators: Counts | None = info.data.get("accelerators")
        if value and accelerators is not None and accelerators.max == 0:
            raise ValueError("must be left out where accelerators.max is 0: no instance has any")
        return value
