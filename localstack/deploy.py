"""Brings the emulator to the state that the project and its configuration describe."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localstack.errors import NotDeployed
from penstock import names

if TYPE_CHECKING:
    from pathlib import Path

    from localstack.cdk_cli import CdkCli
    from localstack.clients import Clients
    from localstack.environment import Endpoint

BOOTSTRAP_STACK = "CDKToolkit"
STAGE_NAME = "live"

_COMPLETE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment in the emulator."""

    name: str
    clients: Clients

    def is_current(self, fingerprint: str) -> bool:
        """Tell whether exactly this input was deployed last, and all of it still is in place."""
        found = self.clients.ssm().get_parameters(Names=[self._parameter])["Parameters"]
        return [parameter["Value"] for parameter in found] == [self._seal(fingerprint)]

    def record(self, fingerprint: str) -> None:
        """Remember what was deployed.

        In the emulator, not in a file: what it forgets because it was killed, it forgets together.
        """
        self.clients.ssm().put_parameter(
            Name=self._parameter, Value=self._seal(fingerprint), Type="String", Overwrite=True
        )

    def is_bootstrapped(self) -> bool:
        """Tell whether ``cdk bootstrap`` has been run to its end."""
        return self._stacks().get(BOOTSTRAP_STACK) in _COMPLETE

    def base_url(self, endpoint: Endpoint) -> str:
        """Return the URL of the REST API on this machine; the one in the outputs is a real AWS host."""
        pages = self.clients.apigateway().get_paginator("get_rest_apis").paginate()
        wanted = f"{names.PREFIX}-{self.name}"
        found = [api["id"] for page in pages for api in page["items"] if api["name"] == wanted]
        if len(found) != 1:
            raise NotDeployed(f'there are {len(found)} REST APIs named "{wanted}", not one; try --fresh')
        return f"{endpoint.url}/restapis/{found[0]}/{STAGE_NAME}/_user_request_"

    @property
    def _parameter(self) -> str:
        return f"/{names.PREFIX}-local/{self.name}/fingerprint"

    def _seal(self, fingerprint: str) -> str:
        # With the stacks' states in it, it fits no longer once one of them was removed or has failed.
        return hashlib.sha256(repr((fingerprint, sorted(self._stacks().items()))).encode()).hexdigest()

    def _stacks(self) -> dict[str, str]:
        pages = self.clients.cloudformation().get_paginator("describe_stacks").paginate()
        return {stack["StackName"]: stack["StackStatus"] for page in pages for stack in page["Stacks"]}


def deploy(deployment: Deployment, cdk: CdkCli, *, config: Path, fingerprint: str) -> bool:
    """Deploy unless exactly this is in place; return whether there was anything to do."""
    if deployment.is_current(fingerprint):
        return False
    if not deployment.is_bootstrapped():
        cdk.bootstrap()
    cdk.deploy(config=config)
    deployment.record(fingerprint)
    return True
