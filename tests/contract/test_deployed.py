"""The ``DeployedApis`` port: the same promises by the fake, on moto and on the emulator."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock import names
from penstock.aws.deployed import SsmDeployedApis
from penstock.catalogue import ApiEntry
from penstock.deployed import DeployedApi
from penstock.testing.deployed import MemoryDeployedApis
from tests.contract.conftest import BACKENDS, _client

ENTRY = ApiEntry(
    name="echo",
    endpoint="say",
    timeout_seconds=60,
    max_attempts=3,
    retention_seconds=600,
    inline_result_bytes=100,
)


class OnSsm:
    def __init__(self, client) -> None:
        self._client = client
        self.read = SsmDeployedApis(lambda: client, "prod").read

    def add(self, api: DeployedApi, deployment: str = "prod") -> None:
        name = names.api_parameter(deployment, api.entry.name)
        self._client.put_parameter(Name=name, Value=api.to_json(), Type="String", Overwrite=True)

    def add_other(self) -> None:
        """Another deployment, whose name begins with this one's, and a parameter beside."""
        self.add(DeployedApi(replace(ENTRY, name="stranger")), "prod-2")
        self._client.put_parameter(
            Name=names.parameter("prod", "rest-api-id"), Value="x", Type="String", Overwrite=True
        )


class InMemory(MemoryDeployedApis):
    def add_other(self) -> None:
        """Others have parameters of their own."""


@pytest.fixture(params=BACKENDS)
def stacks(request: pytest.FixtureRequest) -> InMemory | OnSsm:
    if request.param == "memory":
        return InMemory()
    return OnSsm(_client("ssm", request.getfixturevalue(f"{request.param}_url")))


def test_every_stack_is_read_and_nobody_elses(stacks):
    # More than a page, which has ten.
    deployed = [DeployedApi(replace(ENTRY, name=f"api-{number:02}"), {"n": number}) for number in range(12)]
    stacks.add_other()
    for api in deployed:
        stacks.add(api)

    assert sorted(stacks.read(), key=lambda api: api.entry.name) == deployed
