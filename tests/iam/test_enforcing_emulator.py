"""What the emulator is told of calls that it cannot read itself."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.iam.enforcing_emulator import leading_keys, namespace, resources

ITEM = {"pk": {"S": "REQ#a#1"}, "sk": {"S": "META"}}
QUERY = {
    "KeyConditionExpression": "#p = :p AND sk > :s",
    "ExpressionAttributeNames": {"#p": "open_pk"},
    "ExpressionAttributeValues": {":p": {"S": "open#a#1"}, ":s": {"S": "x"}},
}


@pytest.mark.parametrize(
    ("call", "keys"),
    [
        ({"Key": ITEM}, ["REQ#a#1"]),
        ({"Item": ITEM}, ["REQ#a#1"]),
        ({"RequestItems": {"t": {"Keys": [ITEM, {"pk": {"S": "REQ#b#2"}}]}}}, ["REQ#a#1", "REQ#b#2"]),
        ({"TransactItems": [{"Put": {"Item": ITEM}}, {"Update": {"Key": ITEM}}]}, ["REQ#a#1", "REQ#a#1"]),
        (QUERY, ["open#a#1"]),
        # the sort key in front says nothing of the partition
        ({**QUERY, "ExpressionAttributeNames": {"#p": "sk"}}, []),
        # a scan
        ({"TableName": "t"}, []),
    ],
    ids=["key", "item", "batch", "transaction", "query", "sort key", "scan"],
)
def test_the_partition_keys_of_a_call_are_those_it_names(call: dict[str, Any], keys: list[str]):
    assert leading_keys(json.dumps(call).encode()) == keys


@pytest.mark.parametrize("name", ["Penstock/Scaling", "x" * 30])
def test_a_namespace_is_read_in_each_protocol(name: str):
    head = bytes([0x60 + len(name)]) if len(name) < 24 else bytes([0x78, len(name)])

    assert namespace(b"\xa2iNamespace" + head + name.encode() + b"jMetricData\x80") == name
    assert namespace(json.dumps({"Namespace": name}).encode()) == name
    assert namespace(urlencode({"Action": "PutMetricData", "Namespace": name}).encode()) == name
    assert namespace(b"\xa0") is None


def test_services_and_schedules_are_resources_of_their_own():
    call = json.dumps({"cluster": "c", "services": ["a", "b"]}).encode()
    where = "eu-west-1:1"

    assert resources("ecs:DescribeServices", "/", call, {}, prefix=where) == [
        "arn:aws:ecs:eu-west-1:1:service/c/a",
        "arn:aws:ecs:eu-west-1:1:service/c/b",
    ]
    assert resources("scheduler:CreateSchedule", "/schedules/t", b'{"GroupName": "g"}', {}, prefix=where) == [
        "arn:aws:scheduler:eu-west-1:1:schedule/g/t"
    ]
    assert resources("scheduler:DeleteSchedule", "/schedules/t", b"", {"groupName": ["g"]}, prefix=where) == [
        "arn:aws:scheduler:eu-west-1:1:schedule/g/t"
    ]
    assert resources("ssm:GetParametersByPath", "/", b'{"Path": "/p/apis/"}', {}, prefix=where) == [
        "arn:aws:ssm:eu-west-1:1:parameter/p/apis"
    ]
    assert resources("sqs:SendMessage", "/", b"", {}, prefix=where) == []
