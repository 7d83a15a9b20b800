"""What SSM, ECS and ECR promise to those who promote and go back."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from penstock import ids, names
from penstock.aws.registry import EcrRegistry
from penstock.aws.releases import StackReleases
from penstock.aws.revisions import COPY_OF, EcsRevisions
from penstock.image_references import EcrImage
from penstock.promotion.releases import Release, UnreadableRelease
from penstock.promotion.repository_policy import lets_pull, statement
from penstock.revisions import Place, Revision
from penstock.testing import MemoryRegistry, MemoryReleases, MemoryRevisions

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.promotion.promote import Registry
    from penstock.promotion.releases import Releases
    from penstock.revisions import Revisions

BACKENDS = ["memory", "moto", pytest.param("emulator", marks=pytest.mark.emulator)]
REGION = "us-east-1"


def client(service: str, url: str) -> Any:
    return boto3.client(service, endpoint_url=url)  # type: ignore[call-overload]  # any of them


class Ecs:
    """What a deployment does to ECS, for a service and for workers of jobs."""

    def __init__(self, url: str, deployment: str) -> None:
        self.ecs, self.deployment = client("ecs", url), deployment
        self.ecs.create_cluster(clusterName=names.cluster(deployment))

    def deploy(self, place: Place, image: str) -> str:
        arn = self.ecs.register_task_definition(
            family=place.family,
            containerDefinitions=[{"name": "server", "image": image, "memoryReservation": 64}],
            tags=[{"key": "penstock:api", "value": "echo"}],
        )["taskDefinition"]["taskDefinitionArn"]
        if place.service is not None:
            known = self.ecs.describe_services(cluster=place.cluster, services=[place.service])["services"]
            if known:
                self.ecs.update_service(cluster=place.cluster, service=place.service, taskDefinition=arn)
            else:
                self.ecs.create_service(
                    cluster=place.cluster, serviceName=place.service, taskDefinition=arn, desiredCount=3
                )
        number = int(arn.rpartition(":")[2])
        if number > 1:  # as CloudFormation cleans up
            self.ecs.deregister_task_definition(taskDefinition=f"{place.family}:{number - 1}")
        return str(arn)


@dataclass(frozen=True)
class Fleet:
    """Revisions, and how a deploy makes the next one of an image."""

    revisions: Revisions
    deploy: Callable[[Place, str], None]
    place: Place
    of_jobs: Place
    #: Only where there is ECS to ask.
    ecs: Any = None


@pytest.fixture(params=BACKENDS)
def fleet(request: pytest.FixtureRequest) -> Fleet:
    deployment = f"d{ids.new_request_id()[:8]}"
    place = Place(names.task_family(deployment, "echo"), names.cluster(deployment), "echo")
    of_jobs = Place(names.task_family(deployment, "echo-two"), names.cluster(deployment), None)
    if request.param == "memory":
        memory, made = MemoryRevisions(), {place: 0, of_jobs: 0}

        def deploy(where: Place, image: str) -> None:
            made[where] += 1
            memory.deploy(where, Revision(number=made[where], active=True, images={"server": image}))

        return Fleet(memory, deploy, place, of_jobs)
    ecs = Ecs(request.getfixturevalue(f"{request.param}_url"), deployment)

    def deploy_to_ecs(where: Place, image: str) -> None:
        ecs.deploy(where, image)

    return Fleet(EcsRevisions(ecs.ecs), deploy_to_ecs, place, of_jobs, ecs.ecs)


def deployed_thrice(fleet: Fleet, place: Place) -> None:
    for image in ("x:1", "x:2", "x:3"):
        fleet.deploy(place, image)


def test_what_runs_and_what_ran_before_are_known_by_number(fleet):
    assert fleet.revisions.current(fleet.place) is None

    for place in (fleet.place, fleet.of_jobs):
        deployed_thrice(fleet, place)
        assert fleet.revisions.current(place) == 3
        assert fleet.revisions.history(place, below=3) == [2, 1]


def test_a_revision_can_be_read_after_it_was_deregistered(fleet):
    deployed_thrice(fleet, fleet.place)

    first, third = (fleet.revisions.read(fleet.place, number) for number in (1, 3))

    assert (first.images, first.active, first.copy_of) == ({"server": "x:1"}, False, None)
    assert (third.images, third.active) == ({"server": "x:3"}, True)
    assert fleet.revisions.read(fleet.place, 9) is None


@pytest.mark.parametrize("kind", ["service", "jobs"])
def test_going_back_makes_a_copy_that_runs_and_says_what_it_is_a_copy_of(fleet, kind):
    place = fleet.place if kind == "service" else fleet.of_jobs
    deployed_thrice(fleet, place)

    number = fleet.revisions.roll_out(place, fleet.revisions.read(place, 2))

    assert number == fleet.revisions.current(place) == 4
    copy = fleet.revisions.read(place, 4)
    assert (copy.images, copy.active, copy.copy_of, copy.origin) == ({"server": "x:2"}, True, 2, 2)
    again = fleet.revisions.roll_out(fleet.of_jobs, copy) if kind == "jobs" else None
    assert again is None or fleet.revisions.read(place, again).copy_of == 2


def test_a_revision_that_is_still_registered_runs_again_as_it_is(fleet):
    deployed_thrice(fleet, fleet.place)
    fleet.revisions.roll_out(fleet.place, fleet.revisions.read(fleet.place, 2))

    assert fleet.revisions.roll_out(fleet.place, fleet.revisions.read(fleet.place, 3)) == 3
    assert fleet.revisions.current(fleet.place) == 3


def test_going_back_leaves_the_desired_count_and_the_tags_as_they_are(fleet):
    if fleet.ecs is None:
        pytest.skip("memory knows neither")
    deployed_thrice(fleet, fleet.place)

    number = fleet.revisions.roll_out(fleet.place, fleet.revisions.read(fleet.place, 2))

    [service] = fleet.ecs.describe_services(cluster=fleet.place.cluster, services=["echo"])["services"]
    assert service["desiredCount"] == 3
    described = fleet.ecs.describe_task_definition(
        taskDefinition=f"{fleet.place.family}:{number}", include=["TAGS"]
    )
    assert {tag["key"]: tag["value"] for tag in described["tags"]} == {COPY_OF: "2", "penstock:api": "echo"}


@dataclass(frozen=True)
class Kept:
    """Releases, and how a deploy writes one, and which APIs its gateway knows."""

    releases: Releases
    put: Callable[[Release], None]
    accept: Callable[[str, str], None]
    ecs: Ecs | None = None


@pytest.fixture(params=BACKENDS)
def kept(request: pytest.FixtureRequest) -> Kept:
    if request.param == "memory":
        memory = MemoryReleases()
        return Kept(
            memory,
            lambda release: memory.releases.__setitem__(release.name, release),
            lambda *apis: setattr(memory, "takes", frozenset(apis)),
        )
    url, deployment = request.getfixturevalue(f"{request.param}_url"), f"d{ids.new_request_id()[:8]}"
    ssm, ecs = client("ssm", url), Ecs(url, deployment)

    def put(release: Release) -> None:
        name = names.release(deployment, release.name)
        ssm.put_parameter(Name=name, Value=json.dumps(release.members()), Type="String")
        # Another deployment's, whose name begins alike.
        ssm.put_parameter(Name=names.release(f"{deployment}-b", release.name), Value="{}", Type="String")

    def accept(*apis: str) -> None:
        ssm.put_parameter(Name=names.accepting_parameter(deployment), Value=json.dumps(apis), Type="String")

    return Kept(StackReleases(ssm, ecs.ecs, deployment), put, accept, ecs)


def release(name: str, **changes: Any) -> Release:
    made = Release(
        section={"name": name, "pod": {"containers": [{"name": "server", "env": {"A": "{{x}}"}}]}},
        images={"server": "x:1", "dequeuer": "x:2"},
        cluster="c",
        service=name,
        task_definition="arn:aws:ecs:us-east-1:000000000000:task-definition/f:1",
    )
    return replace(made, **changes)


def test_what_the_gateway_takes_something_new_for_is_known_where_it_says_so(kept):
    assert kept.releases.accepting() is None

    kept.accept("a", "b")
    assert kept.releases.accepting() == {"a", "b"}


def test_releases_are_listed_as_they_were_written_by_name_and_of_one_deployment(kept):
    assert kept.releases.list() == []
    written = [release("b"), release("a", service=None), *(release(f"z{number}") for number in range(12))]
    for one in written:
        kept.put(one)

    assert kept.releases.list() == sorted(written, key=lambda one: one.name)


def test_what_serves_is_the_revision_of_the_service_or_the_latest_of_the_family(kept):
    if kept.ecs is None:
        pytest.skip("memory is told what serves")
    deployment = kept.ecs.deployment
    place = Place(names.task_family(deployment, "a"), names.cluster(deployment), "a")
    of_jobs = replace(place, family=names.task_family(deployment, "b"), service=None)
    kept.ecs.deploy(place, "x:1")
    arns = {"a": kept.ecs.deploy(place, "x:2"), "b": kept.ecs.deploy(of_jobs, "x:1")}

    serving = {
        one.name: kept.releases.serving(one)
        for one in (
            release("a", cluster=place.cluster),
            release("b", service=None),
            release("c", cluster=place.cluster),
            release("d", cluster="none"),
        )
    }

    assert {name: one and one.task_definition for name, one in serving.items()} == {
        "a": arns["a"],
        "b": arns["b"],
        "c": None,
        "d": None,
    }


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"v": 2}', '{"v": 1, "section": "{}"}', '{"v": 1, "x": 2}']
)
def test_a_release_of_another_version_is_told_from_one_that_can_be_read(text):
    with pytest.raises(UnreadableRelease):
        Release.from_json(text)


@dataclass(frozen=True)
class Repositories:
    """ECR with one image, tagged ``7``, in a repository ``cache``, and another repository without any."""

    registry: Registry
    account: str
    digest: str
    set_policy: Callable[[str], None]

    def image(self, repository: str, tag: str | None) -> EcrImage:
        return EcrImage("host", self.account, REGION, repository, tag, None)


@pytest.fixture(scope="module", params=BACKENDS)
def repositories(request: pytest.FixtureRequest) -> Repositories:
    if request.param == "memory":
        memory, digest = MemoryRegistry(), "sha256:" + "a" * 64
        memory.images["cache", "7"] = digest
        return Repositories(
            memory, "111122223333", digest, lambda text: memory.policies.__setitem__("cache", text)
        )
    ecr = client("ecr", request.getfixturevalue(f"{request.param}_url"))
    for name in ("cache", "empty"):
        made = ecr.create_repository(repositoryName=name)
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"mediaType": "application/json", "size": 1, "digest": "sha256:" + "c" * 64},
        "layers": [],
    }
    put = ecr.put_image(repositoryName="cache", imageManifest=json.dumps(manifest), imageTag="7")
    return Repositories(
        EcrRegistry(lambda region: {REGION: ecr}[region]),
        made["repository"]["registryId"],
        put["image"]["imageId"]["imageDigest"],
        lambda text: ecr.set_repository_policy(repositoryName="cache", policyText=text),
    )


def test_a_tag_stands_for_a_digest(repositories):
    registry = repositories.registry

    assert registry.digest(repositories.image("cache", "7")) == repositories.digest
    assert registry.digest(repositories.image("cache", "8")) is None
    assert registry.digest(repositories.image("cache", None)) is None
    assert registry.digest(repositories.image("empty", "7")) is None
    assert registry.digest(repositories.image("none", "7")) is None


def test_a_repository_has_the_policy_that_it_was_given_or_none(repositories):
    registry = repositories.registry
    assert registry.policy(repositories.image("none", "7")) is None
    assert registry.policy(repositories.image("empty", "7")) is None
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement("444455556666")]})

    repositories.set_policy(policy)

    told = registry.policy(repositories.image("cache", "7"))
    assert told is not None
    assert lets_pull(told, "444455556666")
    assert not lets_pull(told, "777788889999")
