"""How ``cdk`` is run, with a program of ours in its place."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from localstack.cdk_cli import CdkCli
from localstack.errors import DeployFailed, Interrupted, SetupMissing

if TYPE_CHECKING:
    from tests.local.sites import Site


def cdk(site: Site, script: str | None, interrupt: threading.Event | None = None) -> CdkCli:
    project = site.state.root.parent / "project"
    program = project / "node_modules" / ".bin" / "cdk"
    if script is not None:
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    return CdkCli(project, site.state, site.environment, site.spawn, interrupt or threading.Event(), "local")


def test_a_deployment_reaches_the_emulator_only(site: Site, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")

    cdk(site, 'echo "$@"; env; pwd').deploy(config=Path("/etc/penstock.yaml"))

    log = (site.state.logs / "cdk-deploy.log").read_text()
    assert "deploy --all --require-approval never" in log
    assert "--context stage=local --context config=/etc/penstock.yaml" in log
    assert f"AWS_ENDPOINT_URL={site.endpoint.url}" in log
    assert "AWS_PROFILE" not in log


def test_a_failure_shows_the_end_of_the_log(site: Site):
    with pytest.raises(DeployFailed, match=r"exit code 3[\s\S]*Resource handler returned message: no"):
        cdk(site, "echo Resource handler returned message: no >&2; exit 3").deploy(config=Path("x"))


def test_an_interrupt_ends_cdk_with_its_children(site: Site):
    interrupt = threading.Event()
    interrupt.set()

    with pytest.raises(Interrupted):
        cdk(site, "sleep 1000 & wait", interrupt).bootstrap()


def test_a_project_without_npm_ci_is_told_so(site: Site):
    with pytest.raises(SetupMissing, match="make setup"):
        cdk(site, None).bootstrap()
