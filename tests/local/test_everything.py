"""The largest example is deployed, but for what the emulator refuses, and works."""

from __future__ import annotations

import pytest

from localstack import Options, running
from localstack.emulator import free_port
from penstock.aws.operator import key_ring
from penstock.client import Client
from tests.conftest import ROOT

# A whole synthesis and deployment, and another machine may be slower or busy.
pytestmark = [pytest.mark.emulator, pytest.mark.timeout(300)]


def test_the_example_with_everything_is_deployed_and_serves(tmp_path):
    config = ROOT / "examples/deployments/everything.yaml"
    with running(config, Options(state_dir=tmp_path / "local", port=free_port())) as local:
        ring = key_ring("everything", emulator_url=local.aws_endpoint_url)
        _, secret = ring.create("ci", apis=["word-count"])
        with Client(local.url, api_key=secret) as client:
            made = client.submit("word-count", b"one two two")
            done = client.wait("word-count", made.id, timeout_seconds=60)

    assert done.status == "completed"
    assert done.result["words"] == 3
