"""Synthesised templates, and how to ask them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aws_cdk

from cdk import stage
from cdk.stacks import Sources, add_stacks
from penstock import names
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.config import Config

DEPLOYMENT = "shop"

CONFIG = """\
deployment: shop
monitoring: {alarm_emails: [ops@example.com]}
callbacks: {deny: [internal.example.com], ports: [443, 8443], schedule: [5s, 5m]}
apis:
  - name: resize
    kind: AsyncAPI
    timeout: 2h
    retention: 30d
    inline_result_bytes: 1000
    networking: {endpoint: resize-images, forward_headers: [X-Tenant]}
    input_buckets: [photos, scans.2026]
    webhook: {url: "https://hooks.example.com/resized", events: [completed], chain: [echo]}
    pod:
      port: 9000
      max_concurrency: 4
      containers:
        - name: server
          build: server
          command: [python]
          args: [-m, server]
          env: {MODE: fast}
          secrets:
            TOKEN: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:token-AbCdEf:key::"
            SHARED: "arn:aws:ssm:eu-west-1:111122223333:parameter/shared"
            LICENCE: /shop/licence
          compute: {cpu: 500m, mem: 1Gi}
          readiness_probe: {http_get: {path: /ready}, period_seconds: 3, failure_threshold: 5}
        - name: cache
          image: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/cache:7
          compute: {cpu: 100m}
          readiness_probe: {tcp_socket: {port: 6379}}
  - name: echo
    kind: AsyncAPI
    update_strategy: {mode: replace, failure_threshold: 2}
    pod:
      stop_timeout: 45s
      containers: [{name: server, image: "python:3.13-slim"}]
  - name: convert
    kind: BatchAPI
    timeout: 1h
    retries: {attempts: 2}
    input_buckets: [films]
    dead_letter_queues: ["arn:aws:sqs:eu-west-1:111122223333:failed.fifo"]
    webhook: {url: "https://hooks.example.com/converted"}
    pod:
      max_concurrency: 3
      containers: [{name: server, image: "python:3.13-slim"}]
"""

#: The same with everything around it of its own, and with images that can be pulled there.
SEALED_CONFIG = CONFIG.replace(
    "deployment: shop\n",
    """\
deployment: shop
network: {kind: endpoints, flow_logs: all}
access: {source_ips: [203.0.113.0/24], accounts: ["222233334444"]}
domain:
  name: api.example.com
  certificate_arn: "arn:aws:acm:eu-west-1:111122223333:certificate/0123-ab"
  hosted_zone_id: Z0123456789ABC
  default_endpoint: false
encryption: {kms_key: create}
""",
).replace('"python:3.13-slim"', "111122223333.dkr.ecr.eu-west-1.amazonaws.com/python:3.13-slim")

#: For what does not depend on the APIs; fewer stacks are made faster.
SMALL_CONFIG = """\
deployment: shop
auth: {auth}
apis:
  - name: echo
    kind: AsyncAPI
    networking: {{endpoint: say}}
    pod:
      containers: [{{name: server, image: "python:3.13-slim"}}]
"""


@dataclass(frozen=True, slots=True)
class Templates:
    """All templates of one stage."""

    by_part: dict[str, dict[str, Any]]
    folder: Path

    def of_type(self, part: str, kind: str) -> list[dict[str, Any]]:
        """Resources of one type, whole."""
        return [r for r in self.by_part[part]["Resources"].values() if r["Type"] == kind]

    def properties(self, part: str, kind: str) -> dict[str, Any]:
        """Properties of the only resource of its type."""
        [resource] = self.of_type(part, kind)
        properties: dict[str, Any] = resource["Properties"]
        return properties

    def methods(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Path and method to the properties of the API method."""
        resources = self.by_part["gateway"]["Resources"]

        def path(reference: Any) -> str:
            match reference:
                case {"Fn::GetAtt": [_, "RootResourceId"]}:
                    return ""
                case {"Ref": logical_id}:
                    properties = resources[logical_id]["Properties"]
                    return f"{path(properties['ParentId'])}/{properties['PathPart']}"
            raise AssertionError(reference)

        found = [resource["Properties"] for resource in self.of_type("gateway", "AWS::ApiGateway::Method")]
        return {(path(method["ResourceId"]), method["HttpMethod"]): method for method in found}

    def function(self, part: str, name: str) -> dict[str, Any]:
        """Properties of the part's function of that name."""
        functions = [resource["Properties"] for resource in self.of_type(part, "AWS::Lambda::Function")]
        [function] = [function for function in functions if function["FunctionName"] == name]
        return dict(function)

    def role(self, part: str, policy: str) -> dict[str, Any]:
        """Properties of the part's role that has an inline policy of that name."""
        [found] = [
            role
            for owner, role in self.roles()
            if owner == part and policy in [p["PolicyName"] for p in role.get("Policies", [])]
        ]
        return found

    def container(self, part: str, name: str) -> dict[str, Any]:
        """One container of the part's task definition."""
        containers = self.properties(part, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
        [container] = [container for container in containers if container["Name"] == name]
        return dict(container)

    def environment(self, part: str, name: str) -> dict[str, str]:
        """A container's variables, as text."""
        return {pair["Name"]: text(pair["Value"]) for pair in self.container(part, name)["Environment"]}

    def roles(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Properties of all roles, with the part they belong to."""
        for part in self.by_part:
            for role in self.of_type(part, "AWS::IAM::Role"):
                yield part, role["Properties"]

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """All statements of all roles, with the part they belong to."""
        for part, role in self.roles():
            for policy in role.get("Policies", []):
                for statement in policy["PolicyDocument"]["Statement"]:
                    yield part, statement

    def actions(self, part: str) -> dict[str, list[str]]:
        """What the part's roles may do: action to resources."""
        rights: dict[str, list[str]] = {}
        for owner, statement in self.statements():
            if owner == part and statement["Effect"] == "Allow":
                for action in listed(statement["Action"]):
                    rights.setdefault(action, []).extend(text(r) for r in listed(statement["Resource"]))
        return rights


def listed(value: Any) -> list[Any]:
    """IAM's one-or-many as a list."""
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A value with its intrinsic functions written out, such as ``<AWS::Region>``."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(text(part) for part in parts)
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Fn::Sub": template}:
            return re.sub(r"\$\{(.*?)\}", r"<\1>", template)
    return str(value)


def synthesise(config: Config, stage_name: str, folder: Path, *, with_assets: bool = False) -> Templates:
    """Synthesise a deployment in one stage.

    Assets are thousands of files, which are copied beside the templates only for those who look at them.
    """
    context = {"aws:cdk:disable-asset-staging": not with_assets}
    app = aws_cdk.App(outdir=str(folder / "cdk.out"), context=context)
    sources = Sources(root=ROOT, build_folder=folder / "build")
    add_stacks(app, config, stage=stage.named(stage_name), sources=sources)
    assembly = app.synth()
    prefix = names.stack(config.deployment, "")
    by_part = {stack.stack_name.removeprefix(prefix): stack.template for stack in assembly.stacks}
    return Templates(by_part, folder)
