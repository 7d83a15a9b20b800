"""What each kind of capacity is deployed as, for requests and for jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from penstock import config
from tests.cdk import templates
from tests.cdk.templates import text

if TYPE_CHECKING:
    from tests.cdk.templates import Templates

pytestmark = pytest.mark.synth

CONFIG = """\
deployment: shop
network: {kind: nat}
apis:
  - name: mixed
    kind: AsyncAPI
    capacity: {spot_percent: 70, on_demand_base: 2, architecture: arm64}
    pod:
      ephemeral_storage: 100Gi
      containers: [{name: server, build: server}]
  - name: managed
    kind: AsyncAPI
    capacity:
      kind: managed_instances
      instance_types: [g5.xlarge, g6.xlarge]
      spot_percent: 100
      on_demand_base: 1
      idle_hold: 10m
      disk: 200Gi
    pod:
      containers: [{name: server, build: server, compute: {cpu: 3, mem: 12Gi, gpu: 1}}]
  - name: group
    kind: AsyncAPI
    capacity:
      kind: ec2
      instance_types: [g5.12xlarge]
      disk: 300Gi
      max_instances: 5
      warm_pool: {min_size: 2}
    pod:
      containers: [{name: server, build: server, compute: {cpu: 32, mem: 128Gi, gpu: 4, shm: 16Gi}}]
  - name: fargate-jobs
    kind: BatchAPI
    capacity: {spot_percent: 100}
    pod: {containers: [{name: server, build: server}]}
  - name: managed-jobs
    kind: BatchAPI
    capacity:
      kind: managed_instances
      idle_hold: never
      requirements:
        vcpus: {max: 64}
        memory: {min: 16Gi, max: 256Gi}
        memory_per_vcpu: {min: 2Gi}
        accelerator_names: [inferentia]
        local_storage: true
    pod: {containers: [{name: server, build: server, compute: {cpu: 1, mem: 2Gi, neuron: true}}]}
  - name: group-jobs
    kind: BatchAPI
    capacity:
      kind: ec2
      architecture: arm64
      instance_types: [m7g.xlarge, m6g.xlarge]
      spot_percent: 60
      on_demand_base: 1
      min_instances: 1
    pod: {containers: [{name: server, build: server, compute: {cpu: 1, mem: 2Gi}}]}
"""

MANAGED, GROUP, MIXED = "api-managed", "api-group", "api-mixed"

#: Of the APIs on instances.
CLUSTERS = {
    "api-managed": "penstock-shop_managed_managed_instances",
    "api-group": "penstock-shop_group_ec2",
    "api-managed-jobs": "penstock-shop_managed-jobs_managed_instances",
    "api-group-jobs": "penstock-shop_group-jobs_ec2",
}


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    folder = tmp_path_factory.mktemp("capacity")
    (folder / "server").mkdir()
    (folder / "server" / "Dockerfile").write_text("FROM scratch\n")
    file = folder / "penstock.yaml"
    file.write_text(CONFIG)
    return templates.synthesise(config.load(file), "cloud", folder, with_assets=True)


def strategy(templates: Templates, part: str) -> list[tuple[str, int, int]]:
    """Providers of a service, their bases and weights."""
    items = templates.properties(part, "AWS::ECS::Service")["CapacityProviderStrategy"]
    return [(item["CapacityProvider"], item["Base"], item["Weight"]) for item in items]


def worker(templates: Templates, part: str) -> dict[str, Any]:
    """What Step Functions starts the workers of jobs with."""
    machine = templates.properties(part, "AWS::StepFunctions::StateMachine")
    definition = json.loads(text(machine["DefinitionString"]))
    lanes = definition["States"]["Enqueue and work"]["Branches"][1]["States"]["Worker lanes"]
    return dict(lanes["ItemProcessor"]["States"]["Run a worker"]["Parameters"])


def managed_providers(templates: Templates, part: str) -> dict[str, dict[str, Any]]:
    """Properties of the providers of ECS Managed Instances, by name."""
    found = [each["Properties"] for each in templates.of_type(part, "AWS::ECS::CapacityProvider")]
    return {
        each["Name"]: each["ManagedInstancesProvider"] | {"cluster": each["ClusterName"]} for each in found
    }


def shape(templates: Templates, part: str) -> tuple[Any, ...]:
    """What a task is checked against, its size and its processors."""
    task = templates.properties(part, "AWS::ECS::TaskDefinition")
    platform = task.get("RuntimePlatform", {}).get("CpuArchitecture")
    return task["RequiresCompatibilities"], task.get("Cpu"), task.get("Memory"), platform


def test_the_shared_cluster_offers_fargate_and_fargate_spot(placed):
    association = placed.properties("network", "AWS::ECS::ClusterCapacityProviderAssociations")

    assert association["CapacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    assert association["DefaultCapacityProviderStrategy"] == [{"CapacityProvider": "FARGATE", "Weight": 1}]


def test_a_mix_with_fargate_spot_begins_with_its_on_demand_base(placed):
    assert strategy(placed, MIXED) == [("FARGATE", 2, 30), ("FARGATE_SPOT", 0, 70)]
    assert "LaunchType" not in placed.properties(MIXED, "AWS::ECS::Service")


def test_without_spot_tasks_run_on_fargate_as_ever(cloud):
    assert strategy(cloud, "api-resize") == [("FARGATE", 0, 1)]


def test_all_spot_above_a_base_leaves_on_demand_the_smallest_weight_that_ecs_uses(placed):
    assert strategy(placed, MANAGED) == [
        ("penstock-shop_managed-on-demand", 1, 1),
        ("penstock-shop_managed-spot", 0, 999),
    ]


def test_tasks_say_what_they_run_on(placed):
    assert shape(placed, MIXED) == (["FARGATE"], "512", "1024", "ARM64")
    assert shape(placed, MANAGED) == (["MANAGED_INSTANCES"], "3200", "12544", "X86_64")
    # Placed by what the containers reserve, of which none is held down to its share.
    assert shape(placed, GROUP) == (["EC2"], None, None, None)


def test_disks_of_tasks_on_fargate_are_as_large_as_configured(placed):
    task = placed.properties(MIXED, "AWS::ECS::TaskDefinition")

    assert task["EphemeralStorage"] == {"SizeInGiB": 100}
    assert "EphemeralStorage" not in placed.properties(MANAGED, "AWS::ECS::TaskDefinition")


def test_accelerators_and_shared_memory_are_the_containers_that_asked(placed):
    managed, group = placed.container(MANAGED, "server"), placed.container(GROUP, "server")
    neuron = placed.container("api-managed-jobs", "server")

    assert managed["ResourceRequirements"] == [{"Type": "GPU", "Value": "1"}]
    assert group["ResourceRequirements"] == [{"Type": "GPU", "Value": "4"}]
    assert neuron["ResourceRequirements"] == [{"Type": "NeuronDevice", "Value": "ALL"}]
    assert group["LinuxParameters"] == {"InitProcessEnabled": True, "SharedMemorySize": 16 * 1024}
    assert managed["LinuxParameters"] == {"InitProcessEnabled": True}
    assert "ResourceRequirements" not in placed.container(GROUP, "dequeuer")


def reserved(templates: Templates, part: str) -> dict[str, int | None]:
    """MiB that each container of a task reserves."""
    containers = templates.properties(part, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    return {each["Name"]: each.get("MemoryReservation") for each in containers}


def test_where_the_task_has_no_size_each_container_reserves_memory(placed):
    assert reserved(placed, GROUP) == {"server": 128 * 1024, "dequeuer": 256}
    assert reserved(placed, "api-group-jobs") == {"spec": 128, "server": 2048, "dequeuer": 256}


@pytest.mark.parametrize("part", ["api-mixed", "api-managed", "api-fargate-jobs", "api-managed-jobs"])
def test_containers_reserve_no_more_than_the_task_has(placed, part):
    task = placed.properties(part, "AWS::ECS::TaskDefinition")

    assert sum(each or 0 for each in reserved(placed, part).values()) <= int(task["Memory"])
    assert sum(each.get("Cpu", 0) for each in task["ContainerDefinitions"]) <= int(task["Cpu"])


@pytest.mark.parametrize("part", CLUSTERS)
def test_instances_belong_to_a_cluster_that_comes_and_goes_with_the_api(placed, part):
    name = CLUSTERS[part]
    resources = placed.by_part[part]["Resources"]
    [(cluster, properties)] = [
        (key, each["Properties"]) for key, each in resources.items() if each["Type"] == "AWS::ECS::Cluster"
    ]
    providers = {key for key, each in resources.items() if each["Type"] == "AWS::ECS::CapacityProvider"}
    association = placed.properties(part, "AWS::ECS::ClusterCapacityProviderAssociations")

    assert properties["ClusterName"] == name
    assert association["Cluster"] == {"Ref": cluster}
    assert {provider["Ref"] for provider in association["CapacityProviders"]} == providers
    # Only then can ECS place a task of the service, or of a job, and only so is all of it deleted.
    [runner] = [
        each
        for each in resources.values()
        if each["Type"] in {"AWS::ECS::Service", "AWS::StepFunctions::StateMachine"}
    ]
    [associated] = [
        key
        for key, each in resources.items()
        if each["Type"] == "AWS::ECS::ClusterCapacityProviderAssociations"
    ]
    assert {associated, cluster, *providers} <= set(runner["DependsOn"])


def test_whatever_names_the_cluster_names_the_apis_own(placed):
    service = placed.properties(MANAGED, "AWS::ECS::Service")
    target = placed.properties(MANAGED, "AWS::ApplicationAutoScaling::ScalableTarget")
    described = {
        resource
        for part in ("gateway", "scaling")
        for resource in placed.actions(part)["ecs:DescribeServices"]
    }

    assert service["Cluster"] == CLUSTERS[MANAGED]
    assert target["ResourceId"] == f"service/{CLUSTERS[MANAGED]}/managed"
    # Also of APIs that left the configuration: in the shared cluster, and in those that are an API's own.
    assert {resource.partition("service/")[2] for resource in described} == {
        "penstock-shop/*",
        "penstock-shop_*/*",
    }
    [protected] = placed.actions(MANAGED)["ecs:UpdateTaskProtection"]
    assert protected.endswith(f"task/{CLUSTERS[MANAGED]}/*")
    assert worker(placed, "api-managed-jobs")["Cluster"] == CLUSTERS["api-managed-jobs"]
    run = placed.role("api-managed-jobs", "jobs")["Policies"][0]["PolicyDocument"]["Statement"]
    [clusters] = [s["Condition"]["ArnEquals"] for s in run if s["Action"] == "ecs:RunTask"]
    assert text(clusters["ecs:cluster"]).endswith(f"cluster/{CLUSTERS['api-managed-jobs']}")


def test_functions_are_told_which_apis_have_a_cluster_of_their_own(placed):
    [policies] = placed.folder.glob("cdk.out/asset.*/scaling_lambda/policies.json")
    told = {api["name"]: api["own_cluster"] for api in json.loads(policies.read_text())}
    [catalogue] = {file.read_text() for file in placed.folder.glob("cdk.out/asset.*/penstock/catalogue.json")}

    assert told == {"mixed": None, "managed": "managed_instances", "group": "ec2"}
    assert {api["name"]: api["own_cluster"] for api in json.loads(catalogue)["apis"]} == {
        **told,
        "fargate-jobs": None,
        "managed-jobs": "managed_instances",
        "group-jobs": "ec2",
    }


def test_tasks_on_instances_have_no_public_address(placed):
    for part in (MANAGED, GROUP):
        network = placed.properties(part, "AWS::ECS::Service")["NetworkConfiguration"]
        assert network["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"


def test_managed_instances_are_on_demand_and_spot_by_a_provider_each(placed):
    """Both always: ECS does not let go of a provider that tasks run on, whatever the new mix is."""
    providers = managed_providers(placed, MANAGED)
    assert len(managed_providers(placed, "api-managed-jobs")) == 2

    assert {
        name: each["InstanceLaunchTemplate"]["CapacityOptionType"] for name, each in providers.items()
    } == {"penstock-shop_managed-on-demand": "ON_DEMAND", "penstock-shop_managed-spot": "SPOT"}
    for each in providers.values():
        assert each["InfrastructureOptimization"] == {"ScaleInAfter": 600}
        assert each["InstanceLaunchTemplate"]["StorageConfiguration"] == {"StorageSizeGiB": 200}
        assert each["PropagateTags"] == "CAPACITY_PROVIDER"


def test_listed_types_are_all_allowed_whatever_they_cost(placed):
    providers = managed_providers(placed, MANAGED)
    on_demand, spot = (
        providers[f"penstock-shop_managed-{part}"]["InstanceLaunchTemplate"]["InstanceRequirements"]
        for part in ("on-demand", "spot")
    )

    common = {
        "AllowedInstanceTypes": ["g5.xlarge", "g6.xlarge"],
        "VCpuCount": {"Min": 4},
        "MemoryMiB": {"Min": 12544},
    }
    assert on_demand == common | {"OnDemandMaxPricePercentageOverLowestPrice": 999_999}
    assert spot == common | {"SpotMaxPricePercentageOverLowestPrice": 999_999}


def test_requirements_are_at_least_what_a_task_asks_for(placed):
    provider = managed_providers(placed, "api-managed-jobs")["penstock-shop_managed-jobs-on-demand"]

    assert provider["InfrastructureOptimization"] == {"ScaleInAfter": -1}
    assert provider["InstanceLaunchTemplate"]["InstanceRequirements"] == {
        "VCpuCount": {"Min": 2, "Max": 64},
        "MemoryMiB": {"Min": 16 * 1024, "Max": 256 * 1024},
        "MemoryGiBPerVCpu": {"Min": 2},
        "CpuManufacturers": ["intel", "amd"],
        "LocalStorage": "required",
        "AcceleratorCount": {"Min": 1},
        "AcceleratorTypes": ["inference"],
        "AcceleratorManufacturers": ["amazon-web-services"],
        "AcceleratorNames": ["inferentia"],
    }


def test_ecs_may_lend_managed_instances_their_role_and_no_other(placed):
    roles = [each["Properties"] for each in placed.of_type(MANAGED, "AWS::IAM::Role")]
    [infrastructure] = [role for role in roles if role.get("ManagedPolicyArns")]

    assert text(infrastructure["ManagedPolicyArns"][0]).endswith(
        ":policy/AmazonECSInfrastructureRolePolicyForManagedInstances"
    )
    [statement] = infrastructure["Policies"][0]["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Condition"]) == (
        "iam:PassRole",
        {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
    )
    assert text(statement["Resource"]).startswith("<ApiCapacityManagedInstanceRole")


@pytest.mark.parametrize("part", CLUSTERS)
def test_the_agent_of_an_instance_may_join_its_own_cluster_only(placed, part):
    cluster = CLUSTERS[part]
    statements = placed.role(part, "agent")["Policies"][0]["PolicyDocument"]["Statement"]

    named = {text(statement["Resource"]) for statement in statements} - {"*"}
    assert {resource.partition(":<AWS::AccountId>:")[2] for resource in named} == {
        f"cluster/{cluster}",
        f"container-instance/{cluster}/*",
    }
    assert [s["Action"] for s in statements if s["Resource"] == "*"] == ["ecs:DiscoverPollEndpoint"]


def test_a_group_is_sized_by_ecs_and_ends_instances_only_when_they_are_empty(placed):
    group = placed.properties(GROUP, "AWS::AutoScaling::AutoScalingGroup")
    [provider] = placed.of_type(GROUP, "AWS::ECS::CapacityProvider")

    assert (group["MinSize"], group["MaxSize"]) == ("0", "5")
    assert "DesiredCapacity" not in group
    assert group["NewInstancesProtectedFromScaleIn"] is True
    assert provider["Properties"]["AutoScalingGroupProvider"] | {"AutoScalingGroupArn": None} == {
        "AutoScalingGroupArn": None,
        "ManagedScaling": {
            "Status": "ENABLED",
            "TargetCapacity": 100,
            "MinimumScalingStepSize": 1,
            "MaximumScalingStepSize": 5,
        },
        "ManagedTerminationProtection": "ENABLED",
        "ManagedDraining": "ENABLED",
    }
    assert placed.properties(GROUP, "AWS::ECS::Service")["PlacementStrategies"] == [
        {"Type": "binpack", "Field": "MEMORY"}
    ]


def test_instances_have_encrypted_disks_and_give_their_role_to_nobody(placed):
    template = placed.properties(GROUP, "AWS::EC2::LaunchTemplate")["LaunchTemplateData"]

    [disk] = template["BlockDeviceMappings"]
    assert (disk["Ebs"]["VolumeSize"], disk["Ebs"]["Encrypted"]) == (300, True)
    assert template["MetadataOptions"] == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
    }
    # No key to log in with; nothing listens, and the security group of tasks lets nothing in.
    assert "KeyName" not in template
    assert "ECS_AWSVPC_BLOCK_IMDS=true" in text(template["UserData"]["Fn::Base64"])


def test_the_image_of_a_group_is_the_newest_for_its_processors_and_gpus(placed):
    def image(part: str) -> str:
        template = placed.properties(part, "AWS::EC2::LaunchTemplate")["LaunchTemplateData"]
        parameter = placed.by_part[part]["Parameters"][template["ImageId"]["Ref"]]
        assert parameter["Type"] == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
        return str(parameter["Default"])

    prefix = "/aws/service/ecs/optimized-ami/amazon-linux-2023"
    assert image(GROUP) == f"{prefix}/gpu/recommended/image_id"
    assert image("api-group-jobs") == f"{prefix}/arm64/recommended/image_id"


def test_an_instance_learns_what_it_is_when_it_starts(placed):
    def settings(part: str) -> dict[str, str]:
        template = placed.properties(part, "AWS::EC2::LaunchTemplate")["LaunchTemplateData"]
        lines = text(template["UserData"]["Fn::Base64"]).splitlines()
        assert (lines[0], lines[1], lines[-1]) == ("#!/bin/bash", "cat >> /etc/ecs/ecs.config <<'END'", "END")
        return dict(line.split("=", 1) for line in lines[2:-1])

    common = {"ECS_AWSVPC_BLOCK_IMDS": "true", "ECS_IMAGE_PULL_BEHAVIOR": "prefer-cached"}
    pooled, spot = settings(GROUP), settings("api-group-jobs")
    assert pooled.pop("ECS_CLUSTER").startswith("<ApiCapacityCluster")
    assert spot.pop("ECS_CLUSTER").startswith("<JobsCapacityCluster")
    assert pooled == common | {"ECS_ENABLE_GPU_SUPPORT": "true", "ECS_WARM_POOLS_CHECK": "true"}
    assert spot == common | {"ECS_ENABLE_SPOT_INSTANCE_DRAINING": "true"}


def test_a_warm_pool_always_has_as_many_instances_as_configured(placed):
    pool = placed.properties(GROUP, "AWS::AutoScaling::WarmPool")

    assert {key: pool[key] for key in ("MinSize", "MaxGroupPreparedCapacity", "PoolState")} == {
        "MinSize": 2,
        "MaxGroupPreparedCapacity": 2,
        "PoolState": "Stopped",
    }
    # Auto Scaling has refused pools beside a mix of instances.
    assert "MixedInstancesPolicy" not in placed.properties(GROUP, "AWS::AutoScaling::AutoScalingGroup")


def test_a_group_mixes_types_and_spot_itself(placed):
    group = placed.properties("api-group-jobs", "AWS::AutoScaling::AutoScalingGroup")
    mix = group["MixedInstancesPolicy"]

    assert [each["InstanceType"] for each in mix["LaunchTemplate"]["Overrides"]] == [
        "m7g.xlarge",
        "m6g.xlarge",
    ]
    assert mix["InstancesDistribution"] == {
        "OnDemandBaseCapacity": 1,
        "OnDemandPercentageAboveBaseCapacity": 40,
        "OnDemandAllocationStrategy": "prioritized",
        "SpotAllocationStrategy": "price-capacity-optimized",
    }
    assert (group["MinSize"], group["MaxSize"], group["CapacityRebalance"]) == ("1", "100", True)
    assert "LaunchTemplate" not in group


@pytest.mark.parametrize(
    ("part", "provider", "placement"),
    [
        ("api-fargate-jobs", "FARGATE_SPOT", None),
        ("api-managed-jobs", "penstock-shop_managed-jobs-on-demand", None),
        ("api-group-jobs", "penstock-shop_group-jobs-group", [{"Type": "binpack", "Field": "memory"}]),
    ],
)
def test_workers_of_jobs_run_where_their_api_says(placed, part, provider, placement):
    parameters = worker(placed, part)

    assert parameters["CapacityProviderStrategy"] == [{"CapacityProvider": provider, "Weight": 1}]
    assert parameters.get("PlacementStrategy") == placement
    assert "LaunchType" not in parameters


def test_images_are_built_for_the_processors_that_run_them(placed):
    """The user's and the dequeuer's; each stack publishes its own."""

    def platforms(part: str) -> set[str]:
        prefix = f"penstock-shop-{part}"
        [manifest] = placed.folder.glob(f"cdk.out/{prefix}.assets.json")
        images = json.loads(manifest.read_text())["dockerImages"].values()
        return {image["source"]["platform"] for image in images}

    assert platforms(MIXED) == platforms("api-group-jobs") == {"linux/arm64"}
    assert platforms(MANAGED) == platforms(GROUP) == {"linux/amd64"}
