"""Roles of a synthesised deployment, with everything in their policies that CloudFormation fills in."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.cdk.templates import listed, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.cdk.templates import Templates

ACCOUNT = "111122223333"
REGION = "eu-west-1"
#: What AWS names by itself.
REST_API = "a1b2c3d4e5"
STREAM = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/penstock-shop/stream/2026-01-01T00:00:00.000"

_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
}

#: A logical id is the construct's path and a hash of it.
_HASH = re.compile(r"[0-9A-F]{8}$")

_NAMES = {
    "AWS::SQS::Queue": ("QueueName", "sqs", ""),
    "AWS::SNS::Topic": ("TopicName", "sns", ""),
    "AWS::Lambda::Function": ("FunctionName", "lambda", "function:"),
}


@dataclass(frozen=True)
class Role:
    """One role."""

    part: str
    name: str
    #: Of all its inline policies.
    statements: tuple[Mapping[str, Any], ...]
    trust: tuple[Mapping[str, Any], ...]
    managed: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"{self.part}/{self.name}"


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def roles(templates: Templates) -> dict[str, Role]:
    """All roles by part and construct, such as ``gateway/GatewayFunctionRole``."""
    added = _added(templates)
    found = [
        _role(part, logical_id, resource["Properties"], templates)
        for part, template in templates.by_part.items()
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    ]
    return {role.id: replace(role, statements=(*role.statements, *added[role.id])) for role in found}


def _added(templates: Templates) -> Mapping[str, list[Mapping[str, Any]]]:
    """Statements that stacks of APIs add to roles of others, which they find by a parameter of SSM."""
    published = {
        text(
            parameter["Properties"]["Name"]
        ): f"{part}/{_HASH.sub('', parameter['Properties']['Value']['Ref'])}"
        for part in templates.by_part
        for parameter in templates.of_type(part, "AWS::SSM::Parameter")
        if "/roles/" in text(parameter["Properties"]["Name"])
    }
    added: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for part, template in templates.by_part.items():
        for policy in templates.of_type(part, "AWS::IAM::Policy"):
            [role] = policy["Properties"]["Roles"]
            parameter = template["Parameters"][role["Ref"]]["Default"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                added[published[parameter]].append(_concrete(statement, template))
    return added


def _role(part: str, logical_id: str, properties: Mapping[str, Any], templates: Templates) -> Role:
    policies = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    template = templates.by_part[part]
    statements = [_concrete(s, template) for policy in policies for s in policy["Statement"]]
    trust = [_concrete(s, template) for s in properties["AssumeRolePolicyDocument"]["Statement"]]
    managed = [_concrete(policy, template) for policy in properties.get("ManagedPolicyArns", [])]
    name = _HASH.sub("", logical_id)
    return Role(part, name, tuple(statements), tuple(trust), tuple(managed))


def _concrete(value: Any, template: Mapping[str, Any]) -> Any:
    match value:
        case {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::Join": _} | {"Fn::Sub": _}:
            return re.sub(r"<([^<>]+)>", lambda found: _named(found[1], template), text(value))
        case dict():
            return {key: _concrete(item, template) for key, item in value.items()}
        case list():
            return [_concrete(item, template) for item in value]
    return value


def _named(reference: str, template: Mapping[str, Any]) -> str:
    """What a reference stands for: a pseudo parameter, a resource's ARN, or what SSM holds."""
    if reference in _PSEUDO:
        return _PSEUDO[reference]
    if reference in template.get("Parameters", {}):
        parameter = template["Parameters"][reference]["Default"]
        return {"rest-api-id": REST_API, "stream-arn": STREAM}[parameter.rsplit("/", 1)[-1]]
    logical_id, _, attribute = reference.partition(".")
    resource = template["Resources"][logical_id]
    kind, properties = resource["Type"], resource.get("Properties", {})
    if kind in _NAMES and attribute in {"Arn", ""}:
        key, service, prefix = _NAMES[kind]
        return arn(service, prefix + _concrete(properties[key], template))
    if (kind, attribute) == ("AWS::Logs::LogGroup", "Arn"):
        return arn("logs", f"log-group:{_concrete(properties['LogGroupName'], template)}:*")
    if (kind, attribute) == ("AWS::IAM::Role", "Arn"):
        return f"arn:aws:iam::{ACCOUNT}:role/{_HASH.sub('', logical_id)}"
    raise AssertionError(f"{reference} of a {kind}: say here what it stands for")


def actions(role: Role) -> set[str]:
    """All actions that the role's policies name."""
    return {action for statement in role.statements for action in listed(statement["Action"])}
