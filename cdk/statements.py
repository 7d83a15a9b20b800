"""Statements that rights are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cdk.arns import Arns
    from penstock.config import Prefetch


def allow(
    actions: list[str], resources: list[str], conditions: dict[str, dict[str, str | list[str]]] | None = None
) -> iam.PolicyStatement:
    """Rights to these actions, where the conditions hold."""
    return iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions)


def leading(arns: Arns, actions: list[str], partitions: list[str]) -> iam.PolicyStatement:
    """Rights on the items of these partitions."""
    return allow(
        actions,
        [arns.table],
        {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": partitions},
            # ForAllValues holds for a call without any key as well.
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    )


def read_foreign(arns: Arns, buckets: Iterable[str]) -> list[iam.PolicyStatement]:
    """Rights to read objects in buckets of the user's: nothing else there, and no listing."""
    resources = [arns.foreign_objects(bucket) for bucket in sorted(buckets)]
    return [allow(["s3:GetObject"], resources)] if resources else []


def read_prefetched(arns: Arns, wanted: Iterable[Prefetch]) -> list[iam.PolicyStatement]:
    """Rights to download these objects and prefixes, and to see what there is to download: no more."""
    return [
        statement
        for each in wanted
        for statement in (
            allow(["s3:GetObject"], [_below(arns, each)]),
            allow(
                ["s3:ListBucket"],
                [arns.foreign_bucket(each.bucket)],
                {"StringEquals": {"s3:prefix": [_literal(each.key)]}},
            ),
        )
    ]


def _below(arns: Arns, each: Prefetch) -> str:
    whole = "" if each.key and not each.key.endswith("/") else "*"
    return f"{arns.foreign_bucket(each.bucket)}/{_literal(each.key)}{whole}"


def _literal(key: str) -> str:
    # A dollar sign begins a variable in a policy. Wildcards the configuration refuses.
    return key.replace("$", "${$}")


def absence_shows(arns: Arns, prefixes: Iterable[str]) -> iam.PolicyStatement:
    """Let reads of a missing object fail with NoSuchKey.

    Without the right to list, S3 answers AccessDenied, which would look like a fault to be
    retried instead of an object that is gone.
    """
    return allow(
        ["s3:ListBucket"],
        [arns.bucket],
        {"StringLike": {"s3:prefix": [f"{prefix}/*" for prefix in prefixes]}},
    )
