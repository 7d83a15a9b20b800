"""What the doctor says of an account, check by check."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from penstock.doctor import account
from penstock.doctor.account import ADDRESSES, FARGATE, INSTANCES, LAMBDA, VPCS, Identity, Quota
from penstock.doctor.findings import Finding, Verdict
from penstock.doctor.needs import Needs
from penstock.ports import DependencyError

NEEDS = Needs(
    fargate_vcpus=20,
    fargate_spot_vcpus=0,
    families=frozenset(),
    spot_families=frozenset(),
    own_vpc=True,
    elastic_ips=0,
    secrets=(),
    parameters=(),
    buckets=(),
    certificate=None,
    hosted_zone=None,
    scales=True,
)


@dataclass
class Healthy:
    """An account in which all is well; tests take something away."""

    version: int | None = 30
    quotas: dict[Quota, float] = field(default_factory=dict)
    in_use: dict[Quota, int] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    certificate_state: str | None = "ISSUED"

    def identity(self) -> Identity:
        self._answer("identity")
        return Identity("111122223333", "eu-central-1", "arn:aws:iam::111122223333:user/ops")

    def bootstrap(self) -> int | None:
        self._answer("bootstrap")
        return self.version

    def quota(self, quota: Quota) -> float:
        self._answer("quota")
        return self.quotas.get(quota, 1000)

    def used(self, quota: Quota) -> int:
        return self.in_use.get(quota, 0)

    def role(self, name: str) -> bool:
        return name not in self.absent

    secret = parameter = bucket = hosted_zone = role

    def certificate(self, _arn: str) -> str | None:
        return self.certificate_state

    def _answer(self, what: str) -> None:
        if what in self.silent:
            raise DependencyError(f"{what}: AccessDenied")


def found(facts: Healthy, needs: Needs = NEEDS) -> dict[str, Finding]:
    return {finding.subject: finding for finding in account.checks(facts, needs)}


def test_an_account_in_which_all_is_well_is_said_to_be_so():
    findings = found(Healthy())

    assert {finding.verdict for finding in findings.values()} == {Verdict.OK}
    assert findings["credentials"].text == "arn:aws:iam::111122223333:user/ops in eu-central-1"


def test_without_credentials_there_is_one_problem_and_nothing_else_is_asked():
    findings = found(Healthy(silent={"identity"}))

    assert list(findings) == ["credentials"]
    assert findings["credentials"].verdict is Verdict.PROBLEM
    assert findings["credentials"].remedy == "Set AWS credentials and a region, as for the AWS CLI."


def test_what_may_not_be_asked_is_a_warning_and_keeps_no_other_check_from_being_made():
    findings = found(Healthy(silent={"quota", "bootstrap"}))

    assert findings["bootstrap"].verdict is Verdict.WARNING
    assert "AccessDenied" in findings[FARGATE.text].text
    assert findings["AWSServiceRoleForECS"].verdict is Verdict.OK


def test_an_account_without_bootstrap_is_told_the_very_command():
    finding = found(Healthy(version=None))["bootstrap"]

    assert (finding.verdict, finding.remedy) == (
        Verdict.PROBLEM,
        "Run `cdk bootstrap aws://111122223333/eu-central-1`.",
    )
    assert found(Healthy(version=12))["bootstrap"].verdict is Verdict.WARNING


@pytest.mark.parametrize(
    ("limit", "verdict"), [(20, Verdict.OK), (19, Verdict.WARNING), (0, Verdict.PROBLEM)]
)
def test_tasks_that_the_account_may_not_have_are_told_of(limit, verdict):
    finding = found(Healthy(quotas={FARGATE: limit}))[FARGATE.text]

    assert finding.verdict is verdict
    if verdict is not Verdict.OK:
        assert FARGATE.code in (finding.remedy or "")


def test_an_account_without_room_for_gpus_has_a_problem():
    needs = replace(NEEDS, families=frozenset({"g5"}))
    finding = found(Healthy(quotas={INSTANCES["g"]: 0}), needs)[INSTANCES["g"].text]

    assert finding.verdict is Verdict.PROBLEM
    assert INSTANCES["p"].text not in found(Healthy(), needs)


def test_a_new_account_with_ten_concurrent_calls_has_a_problem():
    assert found(Healthy(quotas={LAMBDA: 10}))[LAMBDA.text].verdict is Verdict.PROBLEM


def test_vpcs_and_addresses_that_are_used_up_are_told_of():
    needs = replace(NEEDS, elastic_ips=2)
    facts = Healthy(quotas={VPCS: 5, ADDRESSES: 5}, in_use={VPCS: 5, ADDRESSES: 4})

    assert found(facts, needs)[VPCS.text].verdict is Verdict.WARNING
    assert found(facts, needs)[ADDRESSES.text].text.startswith("4 of 5 in use, 2 wanted")
    assert VPCS.text not in found(facts, replace(needs, own_vpc=False))


def test_roles_that_aws_has_not_made_yet_are_told_with_the_command_that_does():
    finding = found(Healthy(absent={"AWSServiceRoleForECS"}))["AWSServiceRoleForECS"]

    assert finding.verdict is Verdict.WARNING
    assert "--aws-service-name ecs.amazonaws.com" in (finding.remedy or "")


def test_what_the_configuration_names_must_be_there():
    needs = replace(
        NEEDS,
        secrets=("arn:aws:secretsmanager:x:1:secret:s",),
        parameters=("/p",),
        buckets=("films",),
        hosted_zone="Z1",
        certificate="arn:cert",
    )
    facts = Healthy(
        absent={"arn:aws:secretsmanager:x:1:secret:s", "/p", "films", "Z1"},
        certificate_state="PENDING_VALIDATION",
    )
    problems = {name for name, one in found(facts, needs).items() if one.verdict is Verdict.PROBLEM}

    assert problems == {
        "secret arn:aws:secretsmanager:x:1:secret:s",
        "parameter /p",
        "bucket films",
        "hosted zone Z1",
        "certificate arn:cert",
    }
    assert found(Healthy(certificate_state=None), needs)["certificate arn:cert"].verdict is Verdict.PROBLEM
