"""The policies of docs/permissions.md hold what the commands ask of AWS, and nothing else."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.session import get_session

ROOT = Path(__file__).parents[2]
ADAPTERS = ROOT / "penstock" / "aws"
PAGE = ROOT / "docs" / "permissions.md"

#: Services by their names in botocore, where IAM has other ones.
IAM_NAMES = {"service-quotas": "servicequotas", "stepfunctions": "states"}
SERVICES = (
    *("acm", "application-autoscaling", "autoscaling", "cloudformation", "dynamodb", "ec2", "ecr", "ecs"),
    *("iam", "logs", "route53", "scheduler", "secretsmanager", "service-quotas", "sqs", "ssm", "sts"),
    "stepfunctions",
)
#: Calls whose right has another name.
OTHERWISE = {
    "create_api_key": {"apigateway:POST"},
    "create_usage_plan_key": {"apigateway:POST"},
    "delete_api_key": {"apigateway:DELETE"},
    "get_api_keys": {"apigateway:GET"},
    "get_usage_plans": {"apigateway:GET"},
    "abort_multipart_upload": {"s3:AbortMultipartUpload"},
    "delete_bucket": {"s3:DeleteBucket"},
    "delete_objects": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    "head_bucket": {"s3:ListBucket"},
    "list_multipart_uploads": {"s3:ListBucketMultipartUploads"},
    "list_object_versions": {"s3:ListBucketVersions"},
    # It names the task's roles, and tags the copy.
    "register_task_definition": {"ecs:RegisterTaskDefinition", "ecs:TagResource", "iam:PassRole"},
}

PRUNING = {"estate", "accepting", "work", "desired", "scale", "delete_stack"}
#: What each command's adapters are, and the functions of them that it calls; None is all of them.
#: Pruning leaves scaling on.
COMMANDS: dict[str, dict[str, set[str] | None]] = {
    "keys …": {"api_keys": None, "meters": None},
    "webhook secret …": {"signing_secrets": {"create", "rotate"}},
    "prune": {
        "account": PRUNING | {"_depth", "_open", "_status", "_reason"},
        "estate": None,
        "accepting": None,
        "meters": {"list"},
    },
    "doctor": {"facts": None},
    "promote": {"releases": None, "registry": None, "accepting": None},
    "rollback": {"revisions": None},
}


@pytest.fixture(scope="module")
def actions() -> dict[str, set[str]]:
    """Rights by the name of the call in boto3."""
    session = get_session()
    found = {
        xform_name(operation): {f"{IAM_NAMES.get(service, service)}:{operation}"}
        for service in SERVICES
        for operation in session.get_service_model(service).operation_names
    }
    return found | OTHERWISE


def called(adapter: str, functions: set[str] | None) -> set[str]:
    """Names of all methods that are called there, and of all pages that are asked for."""
    tree = ast.parse((ADAPTERS / f"{adapter}.py").read_text(encoding="utf-8"))
    chosen = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and (functions is None or node.name in functions)
    ]
    calls = [call for node in chosen for call in ast.walk(node) if isinstance(call, ast.Call)]
    attributes = {call.func.attr for call in calls if isinstance(call.func, ast.Attribute)}
    pages = {
        argument.value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "get_paginator"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }
    return attributes | pages


def granted(command: str) -> set[str]:
    text = PAGE.read_text(encoding="utf-8").partition(f"## `penstock {command}`\n")[2].partition("\n## ")[0]
    (policy,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    return {action for statement in json.loads(policy)["Statement"] for action in statement["Action"]}


def asked(actions: dict[str, set[str]], adapters: dict[str, set[str] | None]) -> set[str]:
    names = set().union(*(called(adapter, functions) for adapter, functions in adapters.items()))
    return set().union(*(actions[name] for name in names if name in actions))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_policy_holds_what_the_command_asks_for(actions, command):
    assert granted(command) == asked(actions, COMMANDS[command])


def test_destroying_takes_what_pruning_does_not_need(actions):
    everything = asked(actions, {"account": None, "estate": None, "accepting": None, "meters": {"list"}})
    assert granted("destroy") == everything - granted("prune") | {"apigateway:DELETE"}
