"""What may run where: each kind of capacity with its keys, and each combination that AWS does not have."""

from __future__ import annotations

from textwrap import indent
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from penstock import instance_types, names, sizes
from penstock.config import AsyncApi, CapacityKind, ConfigError, Ec2, FargateCapacity, ManagedInstances, load
from penstock.config.capacity import NEVER

CPU = "[{name: server, image: x, compute: {cpu: 1, mem: 2Gi}}]"
GPU = "[{name: server, image: x, compute: {cpu: 3, mem: 12Gi, gpu: 1}}]"
TWO_GPUS = "[{name: server, image: x, compute: {cpu: 3, mem: 12Gi, gpu: 2}}]"
NEURON = "[{name: server, image: x, compute: {cpu: 3, mem: 12Gi, neuron: true}}]"
SHM = "[{name: server, image: x, compute: {cpu: 3, mem: 12Gi, shm: 4Gi}}]"
NO_MEM = "[{name: server, image: x, compute: {cpu: 1}}]"
HUGE = "[{name: server, image: x, compute: {cpu: 16, mem: 30Gi}}]"


def _file(tmp_path, *, capacity: str, containers: str = CPU, kind="AsyncAPI", network="nat", pod=""):
    api = f"name: one\nkind: {kind}\ncapacity: {capacity}\npod: {{containers: {containers}{pod}}}\n"
    path = tmp_path / "penstock.yaml"
    path.write_text(f"deployment: demo\nnetwork: {{kind: {network}}}\napis:\n  -\n{indent(api, '    ')}")
    return path


def _capacity(tmp_path, capacity: str, containers: str = CPU) -> Any:
    [api] = load(_file(tmp_path, capacity=capacity, containers=containers)).apis
    return api.capacity


# Pairs of a capacity that is refused and why, with the rest of the file where that matters.
REFUSED: list[tuple[str, dict[str, str], str, str]] = [
    # kinds and their keys
    ("{kind: lambda}", {}, "capacity.kind", "must be one of fargate, managed_instances, ec2"),
    ("{kind: ec3, instance_types: [m7i.large]}", {}, "capacity.kind", 'did you mean "ec2"?'),
    ("[]", {}, "capacity", "must be a map of keys and values"),
    ("{instance_types: [m7i.large]}", {}, "capacity.instance_types",
     "is a key of kind: managed_instances and kind: ec2, not of kind: fargate"),
    ("{kind: ec2, instance_types: [m7i.large], idle_hold: 5m}", {}, "capacity.idle_hold",
     "is a key of kind: managed_instances, not of kind: ec2"),
    ("{kind: managed_instances, warm_pool: {min_size: 1}}", {}, "capacity.warm_pool",
     "is a key of kind: ec2, not of kind: managed_instances"),
    ("{kind: ec2, instance_types: [m7i.large], dsk: 50Gi}", {}, "capacity.dsk", 'did you mean "disk"?'),
    # Spot
    ("{spot_percent: 101}", {}, "capacity.spot_percent", "must be at most 100"),
    ("{spot_percent: -1}", {}, "capacity.spot_percent", "must be at least 0"),
    ("{on_demand_base: 2}", {}, "capacity.on_demand_base", "set spot_percent, or leave this out"),
    ("{spot_percent: 50}", {"kind": "BatchAPI"}, "capacity.spot_percent",
     "must be 0 or 100 for a BatchAPI"),
    ("{spot_percent: 100, on_demand_base: 1}", {"kind": "BatchAPI"}, "capacity.on_demand_base",
     "must be left out for a BatchAPI"),
    ("{kind: managed_instances, spot_percent: 50}", {"kind": "BatchAPI"}, "capacity.spot_percent",
     "use capacity.kind: ec2"),
    # what Fargate has not
    ("{}", {"containers": GPU}, "pod.containers[0].compute.gpu",
     "must be left out on fargate: Fargate has no GPUs; use capacity.kind: managed_instances or ec2"),
    ("{}", {"containers": NEURON}, "pod.containers[0].compute.neuron",
     "must be left out on fargate: ECS hands out Neuron devices on managed instances only; use capacity"),
    ("{}", {"containers": SHM}, "pod.containers[0].compute.shm", "use capacity.kind: ec2"),
    ("{}", {"containers": HUGE}, "pod.containers",
     "ask for 16.125 vCPU and 30976 MiB together with the dequeuer; Fargate's largest task has 16 vCPU"),
    ("{}", {"pod": ", ephemeral_storage: 20Gi"}, "pod.ephemeral_storage",
     "must be from 21Gi to 200Gi, not 20Gi"),
    ("{}", {"pod": ", ephemeral_storage: 201Gi"}, "pod.ephemeral_storage", "must be from 21Gi to 200Gi"),
    ("{}", {"pod": ", ephemeral_storage: 50"}, "pod.ephemeral_storage", "with a unit"),
    # what instances have not
    ("{kind: managed_instances}", {"containers": SHM}, "pod.containers[0].compute.shm",
     "must be left out on managed_instances: only on ec2 can /dev/shm be larger than 64 MiB"),
    ("{kind: managed_instances}", {"pod": ", ephemeral_storage: 50Gi"}, "pod.ephemeral_storage",
     "use capacity.disk"),
    ("{kind: managed_instances}", {"containers": NO_MEM}, "pod.containers[0].compute.mem",
     "is required on instances"),
    ("{kind: managed_instances}", {"network": "public"}, "capacity.kind",
     "managed_instances cannot call out from public subnets"),
    ("{kind: ec2, instance_types: [m7i.large]}", {"network": "public"}, "capacity.kind",
     "set network.kind: nat or endpoints"),
    ("{kind: ec2, instance_types: [inf2.xlarge]}", {"containers": NEURON},
     "pod.containers[0].compute.neuron", "use capacity.kind: managed_instances"),
    # instance types
    ("{kind: ec2}", {}, "capacity.instance_types", "is required"),
    ("{kind: ec2, instance_types: []}", {}, "capacity.instance_types",
     "must list at least one instance type"),
    ("{kind: ec2, instance_types: [large]}", {}, "capacity.instance_types[0]",
     'must be an instance type such as "g5.xlarge"'),
    ("{kind: ec2, instance_types: [m7i.large, m7i.large]}", {}, "capacity.instance_types",
     "must list each instance type once: m7i.large"),
    ("{kind: ec2, instance_types: [m7i.large, m7g.large]}", {}, "capacity.instance_types[1]",
     "is of architecture arm64, and the tasks are x86_64"),
    ("{kind: managed_instances, architecture: arm64, instance_types: [g5.xlarge]}", {},
     "capacity.instance_types[0]", "is of architecture x86_64, and the tasks are arm64"),
    ("{kind: ec2, instance_types: [g5.xlarge, g5.12xlarge]}", {"containers": TWO_GPUS},
     "capacity.instance_types[0]",
     ("g5.xlarge has 4 vCPU, 16384 MiB, of which tasks get 15892 at most, 1 GPU; "
      "the containers and the dequeuer ask for 3.125 vCPU, 12544 MiB, 2 GPUs")),
    ("{kind: ec2, instance_types: [m7i.xlarge]}", {"containers": GPU}, "capacity.instance_types[0]",
     "no GPUs"),
    ("{kind: ec2, instance_types: [c7i.large]}", {"containers": GPU.replace(", gpu: 1", "")},
     "capacity.instance_types[0]", "c7i.large has 2 vCPU, 4096 MiB"),
    ("{kind: managed_instances, instance_types: [g5.xlarge, m7i.2xlarge]}", {"containers": TWO_GPUS},
     "capacity.instance_types", "has no type for a task: g5.xlarge has 4 vCPU"),
    ("{kind: managed_instances, instance_types: [g5.xlarge]}", {"containers": NEURON},
     "capacity.instance_types", "no Neuron devices"),
    ("{kind: ec2, architecture: arm64, instance_types: [g5g.4xlarge]}", {"containers": GPU}, "capacity.ami",
     "is required for GPUs on arm64"),
    # requirements
    ("{kind: managed_instances, instance_types: [m7i.large], requirements: {burstable: true}}", {},
     "capacity.requirements", "must not stand beside instance_types"),
    ("{kind: managed_instances, requirements: {vcpus: {}}}", {}, "capacity.requirements.vcpus",
     'needs "min" or "max"'),
    ("{kind: managed_instances, requirements: {vcpus: {min: 8, max: 4}}}", {}, "capacity.requirements.vcpus",
     "must have a min that is at most its max"),
    ("{kind: managed_instances, requirements: {memory: {min: 8}}}", {}, "capacity.requirements.memory.min",
     "with a unit"),
    ("{kind: managed_instances, requirements: {vcpus: {max: 1}}}", {}, "capacity.requirements.vcpus.max",
     "is below what the containers and the dequeuer ask for: 2 vCPU"),
    ("{kind: managed_instances, requirements: {memory: {max: 2Gi}}}", {}, "capacity.requirements.memory.max",
     "is below what the containers and the dequeuer ask for: 2304 MiB"),
    ("{kind: managed_instances, requirements: {accelerators: {max: 1}}}", {"containers": TWO_GPUS},
     "capacity.requirements.accelerators.max", "ask for: 2 GPUs"),
    ("{kind: managed_instances, requirements: {accelerator_names: [l4]}}", {},
     "capacity.requirements.accelerator_names[0]", "must be 'a10g'"),
    ("{kind: managed_instances, requirements: {accelerator_names: [t4, t4]}}", {},
     "capacity.requirements.accelerator_names", "must list each accelerator once: t4"),
    ("{kind: managed_instances, requirements: {accelerators: {max: 0}}}", {"containers": NEURON},
     "capacity.requirements.accelerators.max", "ask for: 1 Neuron devices"),
    ("{kind: managed_instances, requirements: {accelerators: {max: 0}, accelerator_names: [t4]}}", {},
     "capacity.requirements.accelerator_names", "must be left out where accelerators.max is 0"),
    ("{kind: managed_instances, requirements: {accelerators: {max: 0}, accelerator_memory: {min: 1Gi}}}", {},
     "capacity.requirements.accelerator_memory", "must be left out where accelerators.max is 0"),
    ("{kind: managed_instances, requirements: {accelerator_manufacturers: [amazon-web-services]}}",
     {"containers": GPU}, "capacity.requirements.accelerator_manufacturers", "must have nvidia among them"),
    ("{kind: managed_instances, requirements: {accelerator_manufacturers: [nvidia]}}",
     {"containers": NEURON}, "capacity.requirements.accelerator_manufacturers",
     "must have amazon-web-services among them"),
    ("{kind: managed_instances, requirements: {accelerator_names: [inferentia]}}", {"containers": GPU},
     "capacity.requirements.accelerator_names", "one among them that nvidia made"),
    ("{kind: managed_instances, requirements: {accelerator_names: [t4, a10g]}}", {"containers": NEURON},
     "capacity.requirements.accelerator_names", "one among them that amazon-web-services made"),
    ("{kind: managed_instances, requirements: {accelerator_names: [t4g]}}", {"containers": GPU},
     "capacity.requirements.accelerator_names", "of architecture x86_64"),
    # time and size
    ("{kind: managed_instances, idle_hold: 61m}", {}, "capacity.idle_hold", 'must be at most 1h, or "never"'),
    ("{kind: managed_instances, idle_hold: long}", {}, "capacity.idle_hold", "must be a duration"),
    ("{kind: managed_instances, disk: 29Gi}", {}, "capacity.disk", "must be from 30Gi to 16Ti, not 29Gi"),
    ("{kind: ec2, instance_types: [m7i.large], disk: 17Ti}", {}, "capacity.disk",
     "must be from 30Gi to 16Ti"),
    ("{kind: ec2, instance_types: [m7i.large], ami: x}", {}, "capacity.ami", "must be the id of an image"),
    ("{kind: ec2, instance_types: [m7i.large], min_instances: 5, max_instances: 4}", {},
     "capacity.max_instances", "must be at least min_instances, 5, not 4"),
    ("{kind: ec2, instance_types: [m7i.large], max_instances: 0}", {}, "capacity.max_instances",
     "must be at least 1"),
    # warm pools
    ("{kind: ec2, instance_types: [m7i.large], spot_percent: 50, warm_pool: {min_size: 1}}", {},
     "capacity.warm_pool", "must not stand beside Spot"),
    ("{kind: ec2, instance_types: [m7i.large, m6i.large], warm_pool: {min_size: 1}}", {},
     "capacity.warm_pool", "takes one instance type"),
    ("{kind: ec2, instance_types: [m7i.large], warm_pool: {}}", {}, "capacity.warm_pool.min_size",
     "is required"),
    ("{kind: ec2, instance_types: [m7i.large], warm_pool: {min_size: 0}}", {}, "capacity.warm_pool.min_size",
     "must be at least 1"),
    ("{kind: ec2, instance_types: [m7i.large], max_instances: 2, warm_pool: {min_size: 3}}", {},
     "capacity.warm_pool", "must have a min_size of at most max_instances, 2, not 3"),
    ("{kind: ec2, instance_types: [m7i.large], warm_pool: {min_size: 3, max_prepared_capacity: 2}}", {},
     "capacity.warm_pool.max_prepared_capacity", "must be at least min_size, 3, not 2"),
    ("{kind: ec2, instance_types: [m7i.large], warm_pool: {min_size: 1, state: hibernated}}", {},
     "capacity.warm_pool.state", "must be 'stopped' or 'running'"),
]  # fmt: skip


@pytest.mark.parametrize(("capacity", "rest", "place", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_what_aws_does_not_have_is_refused_with_its_reason(tmp_path, capacity, rest, place, reason):
    with pytest.raises(ConfigError) as caught:
        load(_file(tmp_path, capacity=capacity, **rest))

    found = {problem.path: str(problem) for problem in caught.value.problems}
    assert found.keys() == {f"apis[0].{place}"}
    assert reason in found[f"apis[0].{place}"]


def test_one_container_gets_all_neuron_devices_and_none_gets_gpus_beside_them(tmp_path):
    containers = (
        "[{name: a, image: x, compute: {mem: 1Gi, neuron: true}},"
        " {name: b, image: x, compute: {mem: 1Gi, neuron: true}},"
        " {name: c, image: x, compute: {mem: 1Gi, gpu: 1}}]"
    )
    with pytest.raises(ConfigError) as caught:
        load(_file(tmp_path, capacity="{kind: managed_instances}", containers=containers))

    assert [(problem.path, problem.message) for problem in caught.value.problems] == [
        (
            "apis[0].pod.containers[1].compute.neuron",
            "must be left out: another container gets all Neuron devices of the instance",
        ),
        (
            "apis[0].pod.containers[2].compute.gpu",
            "must be left out beside neuron: no instance has both",
        ),
    ]


@pytest.mark.parametrize("capacity", ["{}", "{kind: fargate}", "{architecture: x86_64}"])
def test_tasks_run_on_fargate_unless_something_else_is_said(tmp_path, capacity):
    assert _capacity(tmp_path, capacity) == FargateCapacity()


def test_each_kind_takes_all_of_its_keys(tmp_path):
    fargate = _capacity(tmp_path, "{spot_percent: 80, on_demand_base: 2, architecture: arm64}")
    managed = _capacity(
        tmp_path,
        "{kind: managed_instances, idle_hold: never, disk: 200Gi, requirements: {vcpus: {min: 4, max: 16}, "
        "memory: {min: 16Gi}, memory_per_vcpu: {min: 4Gi}, accelerators: {min: 1}, "
        "accelerator_names: [a10g, t4], accelerator_memory: {min: 16Gi}, "
        "accelerator_manufacturers: [nvidia], local_storage: true}}",
        GPU,
    )
    group = _capacity(
        tmp_path,
        "{kind: ec2, instance_types: [g5.xlarge], ami: ami-0123456789abcdef0, disk: 500Gi, min_instances: 1, "
        "max_instances: 9, warm_pool: {min_size: 2, state: running, max_prepared_capacity: 4}}",
        GPU,
    )

    assert isinstance(fargate, FargateCapacity)
    assert (fargate.spot_percent, fargate.on_demand_base, fargate.architecture) == (80, 2, "arm64")
    assert isinstance(managed, ManagedInstances)
    assert (managed.idle_hold, managed.disk_gib) == (NEVER, 200)
    assert isinstance(group, Ec2)
    assert (group.warm_pool.state, group.warm_pool.max_prepared_capacity) == ("running", 4)


def test_a_type_that_came_after_this_version_is_taken_at_its_word(tmp_path):
    capacity = _capacity(tmp_path, "{kind: ec2, instance_types: [g99x.48xlarge]}", TWO_GPUS)

    assert capacity.instance_types == ("g99x.48xlarge",)


def test_managed_instances_may_list_types_of_which_some_are_too_small(tmp_path):
    capacity = _capacity(
        tmp_path, "{kind: managed_instances, instance_types: [g5.xlarge, g5.12xlarge]}", TWO_GPUS
    )

    assert capacity.instance_types == ("g5.xlarge", "g5.12xlarge")


def test_instances_have_a_cluster_of_their_own_and_fargate_has_the_shared_one(tmp_path):
    shared = load(_file(tmp_path, capacity="{}"))
    own = load(_file(tmp_path, capacity="{kind: managed_instances}"))

    assert shared.clusters == {"one": "penstock-demo"}
    assert own.clusters == {"one": "penstock-demo_one_managed_instances"}


KINDS = ("ec2", "managed_instances")


@given(st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True), st.data())
def test_no_two_deployments_have_a_cluster_in_common(deployment, data):
    name = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
    other, api, another = data.draw(name), data.draw(name), data.draw(name)
    assume(deployment != other)

    def clusters(of: str, apis: list[str]) -> set[str]:
        return {names.cluster(of), *(names.cluster_of(of, each, own=kind) for each in apis for kind in KINDS)}

    assert not clusters(deployment, [api, another]) & clusters(other, [api, another])


MEMORY = st.integers(20, 130 * 1024)
CORES = st.integers(20, 18_000)


@given(cpu=CORES, memory=MEMORY, concurrency=st.integers(1, 100), data=st.data())
def test_whatever_is_accepted_has_a_place_to_run(cpu, memory, concurrency, data):
    gpus = data.draw(st.integers(0, 8))
    kind = data.draw(st.sampled_from(list(CapacityKind)))
    capacity: dict[str, Any] = {"kind": kind}
    if kind is not CapacityKind.FARGATE:
        capacity["instance_types"] = data.draw(
            st.lists(
                st.sampled_from(["g5.xlarge", "g5.48xlarge", "m7i.24xlarge", "c7i.large"]),
                unique=True,
                min_size=1,
            )
        )
    container = {"name": "s", "image": "x", "compute": {"cpu": f"{cpu}m", "mem": f"{memory}Mi", "gpu": gpus}}
    document = {
        "name": "one", "kind": "AsyncAPI", "capacity": capacity,
        "pod": {"max_concurrency": concurrency, "containers": [container]},
    }  # fmt: skip
    try:
        api = AsyncApi.model_validate(document)
    except ValidationError:
        return

    needs = api.pod.needs
    if kind is CapacityKind.FARGATE:
        task = sizes.fargate(needs)
        assert task.cpu_units >= needs.cpu_units
        assert task.memory_mib >= needs.memory_mib
        assert gpus == 0
        return
    found = [instance_types.find(name) for name in capacity["instance_types"]]
    fitting = [
        each
        for each in found
        if each is not None
        and each.vcpus * 1024 >= needs.cpu_units
        and each.memory_mib > needs.memory_mib
        and each.gpus >= gpus
    ]
    assert fitting == found if kind is CapacityKind.EC2 else fitting
