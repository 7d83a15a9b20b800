"""Checks of the account: pure, over what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from penstock.doctor.findings import ok, problem, warning
from penstock.doctor.needs import CONCURRENT_CALLS
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.doctor.findings import Finding
    from penstock.doctor.needs import Needs

#: What today's assets need; older ones lack rights.
_OLDEST_BOOTSTRAP = 21
_BOOTSTRAP = "Run `cdk bootstrap` for the account and region."


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose credentials these are."""

    account: str
    region: str
    arn: str


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit of the account."""

    service: str
    code: str
    text: str


FARGATE = Quota("fargate", "L-3032A538", "Fargate On-Demand vCPUs")
FARGATE_SPOT = Quota("fargate", "L-36FBB829", "Fargate Spot vCPUs")
LAMBDA = Quota("lambda", "L-B99A9384", "concurrent Lambda calls")
VPCS = Quota("vpc", "L-F678F1CE", "VPCs")
ADDRESSES = Quota("ec2", "L-0263D0A3", "Elastic IPs")
#: vCPUs of instances, by the first letter of their family.
INSTANCES = {
    "g": Quota("ec2", "L-DB2E81BA", "vCPUs of G instances"),
    "p": Quota("ec2", "L-417A185B", "vCPUs of P instances"),
}
SPOT_INSTANCES = {
    "g": Quota("ec2", "L-3819A6DF", "vCPUs of G Spot instances"),
    "p": Quota("ec2", "L-7212CCBC", "vCPUs of P Spot instances"),
}
#: The smallest instance with a GPU has as many.
_LEAST_VCPUS = 4


class Facts(Protocol):
    """What an account answers. Every method may raise ``DependencyError``."""

    def identity(self) -> Identity:
        """Who asks, and where."""

    def bootstrap(self) -> int | None:
        """Version of what ``cdk bootstrap`` made; None if it was not run."""

    def quota(self, quota: Quota) -> float:
        """How much the account may have."""

    def used(self, quota: Quota) -> int:
        """How many VPCs or addresses there are."""

    def role(self, name: str) -> bool:
        """Whether there is a role of that name."""

    def secret(self, arn: str) -> bool:
        """Whether there is such a secret of Secrets Manager."""

    def parameter(self, name: str) -> bool:
        """Whether there is such a parameter of SSM, by name or ARN."""

    def bucket(self, name: str) -> bool:
        """Whether there is such a bucket that can be looked into."""

    def certificate(self, arn: str) -> str | None:
        """State of a certificate; None if there is none."""

    def hosted_zone(self, zone_id: str) -> bool:
        """Whether there is such a zone."""


def checks(facts: Facts, needs: Needs) -> Iterator[Finding]:
    """All of them; without an answer to the first there are no others."""
    try:
        identity = facts.identity()
    except DependencyError as error:
        yield problem("credentials", str(error), "Set AWS credentials and a region, as for the AWS CLI.")
        return
    yield ok("credentials", f"{identity.arn} in {identity.region}")
    yield from _asked("bootstrap", partial(_bootstrap, facts, identity))
    for quota, wanted in _wanted(needs):
        yield from _asked(quota.text, partial(_quota, facts, quota, wanted))
    for quota, wanted in _rooms(needs):
        yield from _asked(quota.text, partial(_room, facts, quota, wanted))
    for name, service, needed in _roles(needs):
        if needed:
            yield from _asked(name, partial(_role, facts, name, service))
    yield from _references(facts, needs)


def _asked(subject: str, check: Callable[[], Finding]) -> Iterator[Finding]:
    """The check's finding, or that it could not be made: one that fails keeps no other from being made."""
    try:
        yield check()
    except DependencyError as error:
        yield warning(
            subject, f"could not be asked: {error}", "See that your credentials may ask, or check it by hand."
        )


def _bootstrap(facts: Facts, identity: Identity) -> Finding:
    version = facts.bootstrap()
    if version is None:
        where = f"aws://{identity.account}/{identity.region}"
        return problem("bootstrap", "not done here", f"Run `cdk bootstrap {where}`.")
    if version < _OLDEST_BOOTSTRAP:
        return warning("bootstrap", f"version {version} is old", _BOOTSTRAP)
    return ok("bootstrap", f"version {version}")


def _wanted(needs: Needs) -> Iterator[tuple[Quota, int]]:
    if needs.fargate_vcpus:
        yield FARGATE, needs.fargate_vcpus
    if needs.fargate_spot_vcpus:
        yield FARGATE_SPOT, needs.fargate_spot_vcpus
    for families, quotas in ((needs.families, INSTANCES), (needs.spot_families, SPOT_INSTANCES)):
        for letter, quota in quotas.items():
            if any(family.startswith(letter) for family in families):
                yield quota, _LEAST_VCPUS
    yield LAMBDA, CONCURRENT_CALLS


def _quota(facts: Facts, quota: Quota, wanted: int) -> Finding:
    limit = facts.quota(quota)
    text = f"{wanted} wanted at most, {limit:g} allowed"
    if limit >= wanted:
        return ok(quota.text, text)
    remedy = f"Ask for more, days before: quota {quota.code} of {quota.service} in Service Quotas."
    # Without any there is no first task; with some, the last ones wait.
    return (warning if limit > 0 and quota is not LAMBDA else problem)(quota.text, text, remedy)


def _rooms(needs: Needs) -> Iterator[tuple[Quota, int]]:
    if needs.own_vpc:
        yield VPCS, 1
    if needs.elastic_ips:
        yield ADDRESSES, needs.elastic_ips


def _room(facts: Facts, quota: Quota, wanted: int) -> Finding:
    limit, used = facts.quota(quota), facts.used(quota)
    text = f"{used} of {limit:g} in use, {wanted} wanted by the first deployment"
    if used + wanted <= limit:
        return ok(quota.text, text)
    return warning(quota.text, text, f"Delete some, or ask for more: quota {quota.code} in Service Quotas.")


def _roles(needs: Needs) -> Iterator[tuple[str, str, bool]]:
    yield "AWSServiceRoleForECS", "ecs.amazonaws.com", True
    yield (
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
        "ecs.application-autoscaling.amazonaws.com",
        needs.scales,
    )
    yield "AWSServiceRoleForEC2Spot", "spot.amazonaws.com", bool(needs.spot_families)


def _role(facts: Facts, name: str, service: str) -> Finding:
    if facts.role(name):
        return ok(name, "there")
    remedy = f"Run `aws iam create-service-linked-role --aws-service-name {service}`."
    return warning(
        name, "not there; AWS makes it at first use, and the first deployment may come too soon", remedy
    )


def _references(facts: Facts, needs: Needs) -> Iterator[Finding]:
    known: tuple[tuple[str, tuple[str, ...], Callable[[str], bool]], ...] = (
        ("secret", needs.secrets, facts.secret),
        ("parameter", needs.parameters, facts.parameter),
        ("bucket", needs.buckets, facts.bucket),
        ("hosted zone", (needs.hosted_zone,) if needs.hosted_zone else (), facts.hosted_zone),
    )
    for what, listed, there in known:
        for name in listed:
            yield from _asked(f"{what} {name}", partial(_reference, what, name, there))
    if needs.certificate is not None:
        arn = needs.certificate
        yield from _asked(f"certificate {arn}", partial(_certificate, facts, arn))


def _reference(what: str, name: str, there: Callable[[str], bool]) -> Finding:
    subject = f"{what} {name}"
    if there(name):
        return ok(subject, "there")
    return problem(subject, "not there", "Make it, or correct its name in the configuration.")


def _certificate(facts: Facts, arn: str) -> Finding:
    state, subject = facts.certificate(arn), f"certificate {arn}"
    if state == "ISSUED":
        return ok(subject, "issued")
    if state is None:
        return problem(subject, "not there", "Make it in the deployment's region, or correct the ARN.")
    return problem(subject, f"is {state}", "Validate it in AWS Certificate Manager first.")
