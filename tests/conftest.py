"""What holds for every test: nothing but loopback is ever reached."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import socket_allow_hosts

if TYPE_CHECKING:
    from collections.abc import Iterator

# A loaded machine is slow at times, and that is no finding about the code.
settings.register_profile("penstock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("penstock")

ROOT = Path(__file__).parents[1]

#: Fake credentials everywhere: a mistake must not be able to reach anybody's account.
FAKE_AWS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--emulator",
        choices=("embedded", "enforcing", "localstack", "stand-in"),
        default="embedded",
        help="what end-to-end tests run on; enforcing: with IAM; stand-in: what LocalStack gets, embedded",
    )
    parser.addoption(
        "--decisions",
        default=str(ROOT / ".penstock" / "iam-decisions"),
        help="folder where emulators that enforce IAM note who asked for what",
    )
    parser.addoption(
        "--containers", action="store_true", help="build the images with a container engine, and run them"
    )
    parser.addoption("--base-image", default="python:3.13-slim", help="what those images are built on")


def pytest_configure() -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "PENSTOCK_"))]:
        if name != "AWS_CA_BUNDLE":
            del os.environ[name]
    os.environ.update(FAKE_AWS)


@pytest.fixture(autouse=True)
def _short_user_agent() -> Iterator[None]:
    """Each Chalice app lengthens this variable, and the SDK sends it: in the end no server takes it."""
    yield
    os.environ.pop("AWS_EXECUTION_ENV", None)


@pytest.fixture(autouse=True)
def only_loopback() -> None:
    socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)


#: Folders whose tests share a fixture that is dear to make (an emulator, a deployment, a synthesis),
#: the slowest first: ``make test`` gives each to one of its processes, and all other tests to any.
SHARING = ("e2e", "more e2e", "e2e of jobs", "contract", "cdk", "local", "bench")

#: End-to-end tests that get a stack of their own, since all of them together take longer than the rest.
MORE_E2E = frozenset(
    {
        "auth",
        "fuzz_calls",
        "fuzz_headers",
        "function_callbacks",
        "openfaas",
        "recovery",
        "scaling",
        "webhooks",
    }
)


# First: xdist reads the groups in a hook of the same name.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    groups = {item: _group(item) for item in items}
    for item, group in groups.items():
        if group in SHARING:
            item.add_marker(pytest.mark.xdist_group(group))
    order = {group: rank for rank, group in enumerate(SHARING)}
    items.sort(key=lambda item: order.get(groups[item], len(SHARING)))


def _group(item: pytest.Item) -> str:
    folder, subject = item.path.relative_to(ROOT / "tests").parts[0], item.path.stem.removeprefix("test_")
    # Synthesised once, as those of the templates.
    if folder == "iam":
        return "cdk"
    # After all others, whose deeds it looks at.
    if folder == "e2e" and subject == "rights":
        return subject
    if folder == "e2e" and (subject.startswith("batch") or subject == "rollout"):
        return "e2e of jobs"
    return f"more {folder}" if folder == "e2e" and subject in MORE_E2E else folder


def missing(what: str) -> None:
    """Skip on a laptop, fail in CI: there, a missing service is a fault of the build."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)
