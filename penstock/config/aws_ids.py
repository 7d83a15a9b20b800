"""Ids and ARNs that AWS gives to what a user has made there: accepted by their form, never looked up."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

#: What follows ``vpc-`` and the like; the short form is of before 2018.
EC2_ID_PATTERN = "[0-9a-f]{8}([0-9a-f]{9})?"
DOMAIN_PATTERN = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
CERTIFICATE_ARN_PATTERN = "arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+"
HOSTED_ZONE_PATTERN = "Z[A-Z0-9]{1,31}"
ACCOUNT_PATTERN = "[0-9]{12}"
PRINCIPAL_ARN_PATTERN = "arn:aws[a-z-]*:iam::[0-9]{12}:(user|role)/[A-Za-z0-9+=,.@_/-]+"
ORGANIZATION_PATTERN = "o-[a-z0-9]{10,32}"
KEY_ARN_PATTERN = "arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+"

SECRET_ARN_PATTERN = "arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+"  # noqa: S105 - the form of a name


def ec2_id(prefix: str, value: str) -> str:
    """Accept the id of a VPC, a subnet or the like; else ValueError."""
    return _accepted(f"{prefix}-{EC2_ID_PATTERN}", value, f"an id such as {prefix}-0123456789abcdef0")


def address_range(value: str) -> IPv4Network | IPv6Network:
    """Read an address or a range, in the one notation that AWS takes; else ValueError."""
    # Python reads masks in place of the prefix as well, and zones behind an address.
    if not re.fullmatch(r"[0-9A-Fa-f.:]+(/[0-9]{1,3})?", value):
        raise ValueError("is no address or range")
    return ip_network(value)


def domain_name(value: str) -> str:
    """Accept a full DNS name in lower case; else ValueError."""
    return _accepted(
        DOMAIN_PATTERN,
        value,
        "a full name in lower case, such as api.example.com: no https://, no path, no dot at its end",
    )


def certificate_arn(value: str) -> str:
    """Accept the ARN of a certificate in AWS Certificate Manager; else ValueError."""
    return _accepted(CERTIFICATE_ARN_PATTERN, value, "the ARN of a certificate in AWS Certificate Manager")


def hosted_zone_id(value: str) -> str:
    """Accept the id of a Route 53 hosted zone; else ValueError."""
    return _accepted(
        HOSTED_ZONE_PATTERN, value, "the id of a Route 53 hosted zone, such as Z0123456789ABCDEFGHIJ"
    )


def account_id(value: str) -> str:
    """Accept the number of an AWS account; else ValueError."""
    return _accepted(ACCOUNT_PATTERN, value, "the 12 digits of an AWS account, in quotes")


def principal_arn(value: str) -> str:
    """Accept the ARN of an IAM user or role; else ValueError."""
    return _accepted(
        PRINCIPAL_ARN_PATTERN,
        value,
        "the ARN of an IAM user or role, such as arn:aws:iam::111122223333:role/caller",
    )


def organization_id(value: str) -> str:
    """Accept the id of an AWS organization; else ValueError."""
    return _accepted(ORGANIZATION_PATTERN, value, "the id of an AWS organization, such as o-a1b2c3d4e5")


def key_arn(value: str) -> str:
    """Accept the ARN of a KMS key; else ValueError. Rights cannot name an alias."""
    return _accepted(KEY_ARN_PATTERN, value, '"create" or the ARN of a KMS key: no alias, no bare id')


def secret_arn(value: str) -> str:
    """Accept the ARN of a secret in Secrets Manager; else ValueError."""
    return _accepted(SECRET_ARN_PATTERN, value, "the ARN of a Secrets Manager secret")


def _accepted(pattern: str, value: str, what: str) -> str:
    if not re.fullmatch(pattern, value):
        raise ValueError(f"must be {what}")
    return value
