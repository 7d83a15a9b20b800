"""The ``Facts`` port on AWS. No call waits longer than some seconds."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from penstock.aws.faults import code_of, translated
from penstock.doctor.account import ADDRESSES, Identity
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.doctor.account import Quota

T = TypeVar("T")

#: Where ``cdk bootstrap`` says its version, with the qualifier that it has unless told otherwise.
_BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"

#: What STS works with where no region is set.
_NOWHERE = "aws-global"

_ABSENT = frozenset(
    {
        "404",
        "NoSuchBucket",
        "NoSuchEntity",
        "NoSuchHostedZone",
        "ParameterNotFound",
        "ResourceNotFoundException",
    }
)


class AwsFacts:
    """The account and region of the operator's credentials."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        """``client`` makes a client of a service."""
        self._client = client

    def identity(self) -> Identity:
        """See ``Facts.identity``."""
        with translated("ask AWS whose credentials these are"):
            sts = self._client("sts")
            answer = sts.get_caller_identity()
        region = sts.meta.region_name
        if region == _NOWHERE:
            raise DependencyError("no region is set")
        return Identity(answer["Account"], region, answer["Arn"])

    def bootstrap(self) -> int | None:
        """See ``Facts.bootstrap``."""
        ssm = self._client("ssm")
        answer = _answered("ask for the version of cdk bootstrap", lambda: ssm.get_parameter(Name=_BOOTSTRAP))
        return None if answer is None else int(answer["Parameter"]["Value"])

    def quota(self, quota: Quota) -> float:
        """See ``Facts.quota``; what was never changed has a default only."""
        quotas = self._client("service-quotas")
        arguments = {"ServiceCode": quota.service, "QuotaCode": quota.code}
        with translated(f"ask for the quota of {quota.text}"):
            with suppress(quotas.exceptions.NoSuchResourceException):
                return float(quotas.get_service_quota(**arguments)["Quota"]["Value"])
            return float(quotas.get_aws_default_service_quota(**arguments)["Quota"]["Value"])

    def used(self, quota: Quota) -> int:
        """See ``Facts.used``."""
        ec2 = self._client("ec2")
        with translated(f"count {quota.text}"):
            if quota is ADDRESSES:
                return len(ec2.describe_addresses()["Addresses"])
            pages = ec2.get_paginator("describe_vpcs").paginate()
            return sum(len(page["Vpcs"]) for page in pages)

    def role(self, name: str) -> bool:
        """See ``Facts.role``."""
        return self._exists(f"look for role {name}", lambda: self._client("iam").get_role(RoleName=name))

    def secret(self, arn: str) -> bool:
        """See ``Facts.secret``; ECS takes a JSON key, a stage and a version behind its ARN."""
        whole = ":".join(arn.split(":")[:7])
        secrets = self._client("secretsmanager")
        return self._exists(f"look for secret {whole}", lambda: secrets.describe_secret(SecretId=whole))

    def parameter(self, name: str) -> bool:
        """See ``Facts.parameter``; SSM takes an ARN, which does not tell whether the name begins with /."""
        ssm = self._client("ssm")
        return self._exists(f"look for parameter {name}", lambda: ssm.get_parameter(Name=name))

    def bucket(self, name: str) -> bool:
        """See ``Facts.bucket``."""
        return self._exists(f"look for bucket {name}", lambda: self._client("s3").head_bucket(Bucket=name))

    def certificate(self, arn: str) -> str | None:
        """See ``Facts.certificate``."""
        acm = self._client("acm")
        answer = _answered(
            f"look for certificate {arn}", lambda: acm.describe_certificate(CertificateArn=arn)
        )
        return None if answer is None else str(answer["Certificate"]["Status"])

    def hosted_zone(self, zone_id: str) -> bool:
        """See ``Facts.hosted_zone``."""
        route53 = self._client("route53")
        return self._exists(f"look for hosted zone {zone_id}", lambda: route53.get_hosted_zone(Id=zone_id))

    def _exists(self, what: str, ask: Callable[[], object]) -> bool:
        return _answered(what, ask) is not None


def _answered(what: str, ask: Callable[[], T]) -> T | None:
    """The answer; None where there is nothing of that name."""
    with translated(what):
        try:
            return ask()
        except ClientError as error:
            if code_of(error) not in _ABSENT:
                raise
            return None
