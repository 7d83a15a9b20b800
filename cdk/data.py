"""The records and the bodies: what outlives every other part."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk.acknowledged import acknowledge
from cdk.key import Key
from cdk.webhooks import STREAM_ARN
from penstock import keys, names

if TYPE_CHECKING:
    from cdk.stage import Stage
    from penstock.config import Config

#: A request may wait in its queue for as long as SQS keeps its message, and so may a job last.
_LONGEST_WAIT = timedelta(days=14)
_MARGIN = timedelta(days=1)

#: How long what was found in a queue and is no request is kept for somebody to look at.
_DAYS_TO_LOOK_AT_MALFORMED = 90


class Data(Construct):
    """One table for all records and one bucket for all bodies."""

    def __init__(self, scope: Construct, id_: str, *, config: Config, stage: Stage) -> None:
        super().__init__(scope, id_)
        key = self._key(config, stage)
        self._add_table(config.deployment, stage, key)
        self._add_bucket(config.deployment, max(api.retention for api in config.apis), stage, key)

    def _key(self, config: Config, stage: Stage) -> kms.IKey | None:
        """The key to encrypt with, if not with keys of AWS's own."""
        if config.encryption.creates_key:
            return Key(self, "Key", deployment=config.deployment, stage=stage).key
        arn = config.encryption.kms_key
        return None if arn is None else kms.Key.from_key_arn(self, "Key", arn)

    def _add_table(self, deployment: str, stage: Stage, key: kms.IKey | None) -> None:
        table = dynamodb.Table(
            self,
            "Table",
            table_name=names.table(deployment),
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expires_at",
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED if key else None,
            encryption_key=key,
            deletion_protection=stage.deletion_protection,
            removal_policy=stage.removal_policy,
        )
        _add_indexes(table)
        stream_arn = table.table_stream_arn
        assert stream_arn is not None
        # The stream's name is AWS's, with the time in it.
        ssm.StringParameter(
            self,
            "StreamArn",
            parameter_name=names.parameter(deployment, STREAM_ARN),
            string_value=stream_arn,
        )

    def _add_bucket(
        self, deployment: str, longest_retention: timedelta, stage: Stage, key: kms.IKey | None
    ) -> None:
        bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=names.bucket(deployment, account=Aws.ACCOUNT_ID, region=Aws.REGION),
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            # One data key for many objects: without it, KMS is asked, and paid, for each.
            bucket_key_enabled=True if key else None,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            lifecycle_rules=_lifecycle(longest_retention),
            removal_policy=stage.removal_policy,
        )
        acknowledge(
            bucket,
            "S1",
            "Who asked for which body is in the access log of the HTTP API. Access logs of S3 would need a "
            "bucket that outlives this one, and cost a line for each of four calls a request; data events of "
            "CloudTrail are the account owner's choice.",
        )


def _add_indexes(table: dynamodb.Table) -> None:
    table.add_global_secondary_index(
        index_name=keys.LISTING_INDEX,
        partition_key=dynamodb.Attribute(name="listing_pk", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="listing_sk", type=dynamodb.AttributeType.STRING),
        projection_type=dynamodb.ProjectionType.KEYS_ONLY,
    )
    table.add_global_secondary_index(
        index_name=keys.OPEN_INDEX,
        partition_key=dynamodb.Attribute(name="open_pk", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="due_ms", type=dynamodb.AttributeType.NUMBER),
        projection_type=dynamodb.ProjectionType.INCLUDE,
        # For the age of the oldest one: what is due first was not made first.
        non_key_attributes=["created_ms"],
    )


def _lifecycle(longest_retention: timedelta) -> list[s3.LifecycleRule]:
    """When S3 removes what nobody has removed.

    A backstop only: whether a body may still be read is for its record to decide, whose time starts when
    the request ends. By this age no record can refer to the object any more, unless the longest retention
    was lowered since.
    """
    age = longest_retention + _LONGEST_WAIT + _MARGIN
    expiration = Duration.days(math.ceil(age / timedelta(days=1)))
    return [
        s3.LifecycleRule(id="abort-uploads", abort_incomplete_multipart_upload_after=Duration.days(1)),
        *(
            s3.LifecycleRule(id=f"expire-{prefix}", prefix=f"{prefix}/", expiration=expiration)
            for prefix in (keys.PAYLOADS, keys.RESULTS, keys.JOBS)
        ),
        s3.LifecycleRule(
            id=f"expire-{keys.MALFORMED}",
            prefix=f"{keys.MALFORMED}/",
            expiration=Duration.days(_DAYS_TO_LOOK_AT_MALFORMED),
        ),
    ]
