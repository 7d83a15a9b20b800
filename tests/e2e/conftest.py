"""The whole stack, once per session: emulator, real ``cdk deploy``, real dequeuers, real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from localstack.backoff import Backoff
from localstack.emulator import free_port
from localstack.options import PROJECT, Options
from localstack.up import LocalStack, running
from penstock import names
from penstock.aws.records import DynamoRecords
from penstock.client import Client, RequestState
from tests.conftest import missing
from tests.e2e import emulators
from tests.waiting import eventually

CONFIG = Path(__file__).with_name("penstock.yaml")
DEPLOYMENT = "e2e"
#: How long a task must have run to be taken for healthy.
HEALTHY_AFTER_SECONDS = 3


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = config.getoption("--emulator")
    skipped = emulators.why_skipped(chosen)
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.localstack if chosen == "localstack" else pytest.mark.emulator)
        lacking = item.get_closest_marker("embedded_only")
        if chosen != "enforcing" and item.get_closest_marker("enforcing_only"):
            item.add_marker(pytest.mark.skip(reason="nobody is refused anything here; see `make test-iam`"))
        if skipped is not None:
            item.add_marker(pytest.mark.skip(reason=skipped))
        elif lacking is not None and chosen not in {"embedded", "enforcing"}:
            item.add_marker(pytest.mark.skip(reason=f"not on LocalStack: {lacking.args[0]}"))


@dataclass(frozen=True)
class Stack:
    """A running deployment as its user and its operator see it."""

    local: LocalStack
    http: httpx.Client
    client: Client
    #: Makes a client for a service of the emulator.
    aws: Callable[[str], Any]

    @property
    def records(self) -> DynamoRecords:
        return DynamoRecords(self.aws("dynamodb"), names.table(DEPLOYMENT))

    @property
    def bucket(self) -> str:
        return names.bucket(DEPLOYMENT, account="000000000000", region="us-east-1")

    def keys(self, prefix: str) -> list[str]:
        listed = self.aws("s3").list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for entry in listed.get("Contents", [])]

    def submit(self, api: str, body: bytes = b"x", **parts: Any) -> str:
        query = parts.pop("query", {})
        return self.client.submit(api, body, query=list(query.items()), **parts).id

    def finished(self, api: str, request_id: str, *, within_seconds: float = 60) -> RequestState:
        return self.client.wait(api, request_id, timeout_seconds=within_seconds)

    def until(self, api: str, request_id: str, status: str, *, within_seconds: float = 20) -> RequestState:
        def reached() -> RequestState | None:
            state = self.client.get(api, request_id)
            return state if state.status == status else None

        state = eventually(reached, within_seconds=within_seconds, what=f"{api} request {status}")
        assert state is not None
        return state

    def dequeuer(self, api: str) -> int:
        """The pid of the one running dequeuer of an API."""

        def running_pid() -> int | None:
            pairs = [pair for pair in self.local.pairs(api) if pair.state.value == "running"]
            return pairs[0].dequeuer_pid if len(pairs) == 1 else None

        pid = eventually(running_pid, within_seconds=30, what=f"one running pair of {api}")
        assert pid is not None
        return pid


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Stack]:
    for needed in (".venv-emulator/bin/python", "node_modules/.bin/cdk"):
        if not (PROJECT / needed).exists():
            missing(f"{needed} is not installed; run `make setup`")
    chosen = pytestconfig.getoption("--emulator")
    kind = emulators.kind(pytestconfig)
    options = Options(
        emulator=kind,
        state_dir=tmp_path_factory.mktemp("stack") / "local",
        port=kind.port or free_port(),
        # A deployment waits for so long before it goes on.
        backoff=Backoff(healthy_after_seconds=HEALTHY_AFTER_SECONDS),
    )
    with (
        running(CONFIG, options) as local,
        httpx.Client(base_url=local.url, timeout=60, trust_env=False) as http,
        Client(local.url) as client,
    ):
        yield Stack(local, http, client, emulators.connection(chosen, local))
