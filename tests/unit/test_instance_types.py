from __future__ import annotations

import pytest

from penstock import instance_types
from penstock.instance_types import Architecture

X86_64, ARM64 = Architecture.X86_64, Architecture.ARM64


@pytest.mark.parametrize(
    ("name", "architecture", "vcpus", "memory_gib", "gpus", "neuron_devices"),
    [
        # general families, by rule
        ("m7i.large", X86_64, 2, 8, 0, 0),
        ("m7i-flex.2xlarge", X86_64, 8, 32, 0, 0),
        ("c7a.medium", X86_64, 1, 2, 0, 0),
        ("c5.9xlarge", X86_64, 36, 72, 0, 0),
        ("r6idn.32xlarge", X86_64, 128, 1024, 0, 0),
        ("m6g.medium", ARM64, 1, 4, 0, 0),
        ("c7gn.16xlarge", ARM64, 64, 128, 0, 0),
        ("r8gd.48xlarge", ARM64, 192, 1536, 0, 0),
        ("m10g.xlarge", ARM64, 4, 16, 0, 0),
        # burstable
        ("t3.micro", X86_64, 2, 1, 0, 0),
        ("t3a.2xlarge", X86_64, 8, 32, 0, 0),
        ("t4g.nano", ARM64, 2, 0.5, 0, 0),
        # with accelerators
        ("g4dn.12xlarge", X86_64, 48, 192, 4, 0),
        ("g5g.16xlarge", ARM64, 64, 128, 2, 0),
        ("g6e.4xlarge", X86_64, 16, 128, 1, 0),
        ("p5.48xlarge", X86_64, 192, 2048, 8, 0),
        ("inf2.24xlarge", X86_64, 96, 384, 0, 6),
        ("trn1.32xlarge", X86_64, 128, 512, 0, 16),
    ],
)
def test_a_type_has_what_aws_says(name, architecture, vcpus, memory_gib, gpus, neuron_devices):
    found = instance_types.find(name)

    assert found is not None
    assert (found.name, found.architecture, found.vcpus) == (name, architecture, vcpus)
    assert (found.memory_mib, found.gpus, found.neuron_devices) == (memory_gib * 1024, gpus, neuron_devices)


@pytest.mark.parametrize(
    "name",
    # Older or other families, sizes without a rule, and what is no type at all.
    [
        "m4.large",
        "c5n.large",
        "x2gd.large",
        "m7i.metal-24xl",
        "u-6tb1.metal",
        "g99.xlarge",
        "t2.micro",
        "m7i",
        "",
    ],
)
def test_a_type_of_which_nothing_is_known_is_not_guessed(name):
    assert instance_types.find(name) is None


def test_only_burstable_types_live_on_credits():
    burstable = {
        name: instance_types.find(name).burstable for name in ("t3.large", "trn1.2xlarge", "m7i.large")
    }

    assert burstable == {"t3.large": True, "trn1.2xlarge": False, "m7i.large": False}
