"""What EC2's instance types have: architecture, vCPUs, memory, GPUs and Neuron devices.

General families follow a rule, so that their next generation is known before this file is; those with
accelerators are listed. A type that is neither is unknown: EC2 gets new ones each month, and whoever names
one knows what it has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_GIB = 1024


class Architecture(StrEnum):
    """What a processor runs."""

    X86_64 = "x86_64"
    ARM64 = "arm64"


@dataclass(frozen=True, slots=True)
class InstanceType:
    """What one type has."""

    name: str
    architecture: Architecture
    vcpus: int
    memory_mib: int
    #: NVIDIA's: ECS gives containers no others.
    gpus: int = 0
    #: Inferentia and Trainium chips.
    neuron_devices: int = 0

    @property
    def burstable(self) -> bool:
        """Whether it lives on CPU credits."""
        return _BURSTABLE.fullmatch(self.name) is not None


#: Name of a type: vCPUs, GiB of memory, accelerators.
_GPUS = """
g4dn.xlarge    4   16 1
g4dn.2xlarge   8   32 1
g4dn.4xlarge  16   64 1
g4dn.8xlarge  32  128 1
g4dn.16xlarge 64  256 1
g4dn.12xlarge 48  192 4
g4dn.metal    96  384 8
g5.xlarge      4   16 1
g5.2xlarge     8   32 1
g5.4xlarge    16   64 1
g5.8xlarge    32  128 1
g5.16xlarge   64  256 1
g5.12xlarge   48  192 4
g5.24xlarge   96  384 4
g5.48xlarge  192  768 8
g5g.xlarge     4    8 1
g5g.2xlarge    8   16 1
g5g.4xlarge   16   32 1
g5g.8xlarge   32   64 1
g5g.16xlarge  64  128 2
g5g.metal     64  128 2
g6.xlarge      4   16 1
g6.2xlarge     8   32 1
g6.4xlarge    16   64 1
g6.8xlarge    32  128 1
g6.16xlarge   64  256 1
g6.12xlarge   48  192 4
g6.24xlarge   96  384 4
g6.48xlarge  192  768 8
g6e.xlarge     4   32 1
g6e.2xlarge    8   64 1
g6e.4xlarge   16  128 1
g6e.8xlarge   32  256 1
g6e.16xlarge  64  512 1
g6e.12xlarge  48  384 4
g6e.24xlarge  96  768 4
g6e.48xlarge 192 1536 8
gr6.4xlarge   16  128 1
gr6.8xlarge   32  256 1
p3.2xlarge     8   61 1
p3.8xlarge    32  244 4
p3.16xlarge   64  488 8
p3dn.24xlarge 96  768 8
p4d.24xlarge  96 1152 8
p4de.24xlarge 96 1152 8
p5.4xlarge    16  256 1
p5.48xlarge  192 2048 8
p5e.48xlarge 192 2048 8
p5en.48xlarge 192 2048 8
p6-b200.48xlarge 192 2048 8
p6-b300.48xlarge 192 4096 8
"""
_NEURON = """
inf1.xlarge    4    8 1
inf1.2xlarge   8   16 1
inf1.6xlarge  24   48 4
inf1.24xlarge 96  192 16
inf2.xlarge    4   16 1
inf2.8xlarge  32  128 1
inf2.24xlarge 96  384 6
inf2.48xlarge 192 768 12
trn1.2xlarge   8   32 1
trn1.32xlarge 128 512 16
trn1n.32xlarge 128 512 16
trn2.48xlarge 192 2048 16
"""

#: GiB of memory per vCPU of families that follow the rule.
_GIB_PER_VCPU = {"c": 2, "m": 4, "r": 8}
#: Those that do not, though they are called like it.
_IRREGULAR = frozenset({"c5n"})
#: Since their fifth generation the families are regular.
_FIRST_REGULAR_GENERATION = 5

_GENERAL = re.compile(
    r"(?P<family>(?P<class>[cmr])(?P<generation>\d+)(?P<options>[a-z]*)(-flex)?)\.(?P<size>\w+)"
)
_BURSTABLE = re.compile(r"t(?P<generation>3a?|4g)\.(?P<size>\w+)")
_SIZE = re.compile(r"(?P<times>\d+)?xlarge")
_SMALL_VCPUS = {"medium": 1, "large": 2}

#: Sizes of the burstable families: vCPUs and GiB of memory.
_BURSTABLE_SIZES = {
    "nano": (2, 0.5),
    "micro": (2, 1),
    "small": (2, 2),
    "medium": (2, 4),
    "large": (2, 8),
    "xlarge": (4, 16),
    "2xlarge": (8, 32),
}


def find(name: str) -> InstanceType | None:
    """What the type of that name has; None if it is unknown here."""
    return _ACCELERATED.get(name) or _general(name) or _burstable(name)


def _general(name: str) -> InstanceType | None:
    parts = _GENERAL.fullmatch(name)
    if parts is None or parts["family"] in _IRREGULAR:
        return None
    vcpus = _vcpus(parts["size"])
    if vcpus is None or int(parts["generation"]) < _FIRST_REGULAR_GENERATION:
        return None
    memory_mib = vcpus * _GIB_PER_VCPU[parts["class"]] * _GIB
    return InstanceType(name, _architecture(parts["options"]), vcpus, memory_mib)


def _vcpus(size: str) -> int | None:
    if size in _SMALL_VCPUS:
        return _SMALL_VCPUS[size]
    times = _SIZE.fullmatch(size)
    return 4 * int(times["times"] or 1) if times else None


def _burstable(name: str) -> InstanceType | None:
    parts = _BURSTABLE.fullmatch(name)
    if parts is None or parts["size"] not in _BURSTABLE_SIZES:
        return None
    vcpus, memory_gib = _BURSTABLE_SIZES[parts["size"]]
    return InstanceType(name, _architecture(parts["generation"][1:]), vcpus, int(memory_gib * _GIB))


def _architecture(options: str) -> Architecture:
    """Letters behind the generation say who made the processor: ``g`` is AWS's own Graviton."""
    return Architecture.ARM64 if options.startswith("g") else Architecture.X86_64


def _accelerated() -> Mapping[str, InstanceType]:
    found = {}
    for table, neuron in ((_GPUS, False), (_NEURON, True)):
        for line in table.strip().splitlines():
            name, vcpus, memory_gib, count = line.split()
            found[name] = InstanceType(
                name,
                Architecture.ARM64 if name.startswith("g5g.") else Architecture.X86_64,
                int(vcpus),
                int(memory_gib) * _GIB,
                gpus=0 if neuron else int(count),
                neuron_devices=int(count) if neuron else 0,
            )
    return MappingProxyType(found)


_ACCELERATED = _accelerated()
