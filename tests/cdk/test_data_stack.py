from __future__ import annotations

import pytest

from penstock import keys
from penstock.aws import items
from tests.cdk.templates import text
from tests.examples import record

pytestmark = pytest.mark.synth


def test_the_table_has_the_keys_and_the_stream_that_the_code_relies_on(cloud):
    table = cloud.properties("data", "AWS::DynamoDB::Table")

    assert table["TableName"] == "penstock-shop"
    assert table["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_lists_and_the_sweeper_have_an_index_each_so_that_nothing_scans(cloud):
    table = cloud.properties("data", "AWS::DynamoDB::Table")
    indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}

    schemas = {name: [key["AttributeName"] for key in index["KeySchema"]] for name, index in indexes.items()}
    assert schemas == {
        keys.LISTING_INDEX: ["listing_pk", "listing_sk"],
        keys.OPEN_INDEX: ["open_pk", "due_ms"],
    }
    assert indexes[keys.LISTING_INDEX]["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert indexes[keys.OPEN_INDEX]["Projection"] == {
        "ProjectionType": "INCLUDE",
        "NonKeyAttributes": ["created_ms"],
    }
    # A number, and each key is an attribute that items really have.
    types = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    item = items.encode(record())
    assert {name: next(iter(item[name])) for name in types} == types


def test_finished_records_expire_by_the_attribute_the_terminal_write_sets(cloud):
    table = cloud.properties("data", "AWS::DynamoDB::Table")

    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_records_survive_mistakes(cloud):
    [table] = cloud.of_type("data", "AWS::DynamoDB::Table")

    assert table["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["Properties"]["DeletionProtectionEnabled"] is True
    assert table["DeletionPolicy"] == "Retain"


def test_the_bucket_is_closed_and_encrypted(cloud):
    [bucket] = cloud.of_type("data", "AWS::S3::Bucket")
    properties = bucket["Properties"]

    assert text(properties["BucketName"]) == "penstock-shop-<AWS::AccountId>-<AWS::Region>"
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    encryption = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    assert bucket["DeletionPolicy"] == "Retain"


def test_the_bucket_refuses_calls_without_tls(cloud):
    policy = cloud.properties("data", "AWS::S3::BucketPolicy")["PolicyDocument"]

    conditions = [
        statement["Condition"] for statement in policy["Statement"] if statement["Effect"] == "Deny"
    ]
    assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
    assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions


def test_bodies_expire_only_when_no_record_can_refer_to_them_any_more(cloud):
    rules = cloud.properties("data", "AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]

    # The longest retention of the APIs, 30 days, the 14 a request may wait, and one more.
    expired = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    assert {prefix: expired[prefix] for prefix in ("payloads/", "results/")} == {
        "payloads/": 45,
        "results/": 45,
    }


def test_what_is_no_request_is_kept_for_a_while(cloud):
    rules = cloud.properties("data", "AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]

    [rule] = [rule for rule in rules if rule.get("Prefix") == f"{keys.MALFORMED}/"]
    assert rule["ExpirationInDays"] == 90


def test_parts_of_broken_uploads_are_removed(cloud):
    rules = cloud.properties("data", "AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]

    [abort] = [rule for rule in rules if "AbortIncompleteMultipartUpload" in rule]
    assert abort["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert "Prefix" not in abort
