"""A small project to run a local stack of, with a ``cdk`` that deploys it in a moment."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.local.sites import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

API = "echo"

CONFIG = """
deployment: test
apis:
  - name: echo
    kind: AsyncAPI
    pod: {port: 8080, containers: [{name: server, image: x}]}
    local: {command: python server.py}
"""

SERVER = """
import os, signal
print("serving on", os.environ["PORT"], flush=True)
if os.path.exists("stubborn"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    signal.pause()
"""

DEQUEUER = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit("drained"))
print("extra", os.environ.get("EXTRA"), flush=True)
while True:
    signal.pause()
"""

CDK = """#!{python}
import json, os, sys
import boto3

with open("{folder}/cdk-calls", "a") as calls:
    print(sys.argv[1], file=calls)
template = '{{"Resources": {{"Q": {{"Type": "AWS::SQS::Queue"}}}}}}'
cloudformation, ecs = boto3.client("cloudformation"), boto3.client("ecs")
if sys.argv[1] == "bootstrap":
    cloudformation.create_stack(StackName="CDKToolkit", TemplateBody=template)
elif "stage=localstack" in sys.argv:
    cloudformation.create_stack(StackName="penstock-test-data", TemplateBody=template)
    boto3.client("apigateway").create_rest_api(name="penstock-test")
    variables = [{{"name": "EXTRA", "value": "as described"}}]
    described = [{{"name": "server"}}, {{"name": "dequeuer", "environment": variables, "stopTimeout": 20}}]
    text = json.dumps(described)
    boto3.client("ssm").put_parameter(Name="/penstock/test/task/echo", Value=text, Type="String")
elif not ecs.list_services(cluster="penstock-test")["serviceArns"]:
    cloudformation.create_stack(StackName="penstock-test-data", TemplateBody=template)
    boto3.client("apigateway").create_rest_api(name="penstock-test")
    ecs.create_cluster(clusterName="penstock-test")
    containers = [{{"name": "server", "image": "x"}}, {{"name": "dequeuer", "image": "x"}}]
    ecs.register_task_definition(family="echo", containerDefinitions=containers)
    ecs.create_service(cluster="penstock-test", serviceName="echo", taskDefinition="echo")
"""


def make_project(folder: Path) -> Path:
    """Write the project and return the path of its configuration."""
    files = {
        "penstock.yaml": CONFIG,
        "server.py": SERVER,
        "dequeuer/__main__.py": DEQUEUER,
        "node_modules/.bin/cdk": CDK.format(python=sys.executable, folder=folder),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "node_modules/.bin/cdk").chmod(0o755)
    (folder / ".venv-emulator").symlink_to(PROJECT / ".venv-emulator")
    return folder / "penstock.yaml"


def cdk_calls(folder: Path) -> list[str]:
    """Return what ``cdk`` was called for."""
    return (folder / "cdk-calls").read_text().split()
