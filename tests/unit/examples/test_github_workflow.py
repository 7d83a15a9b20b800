"""The example workflow calls nothing that does not exist, and only main can reach an account."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.core import TyperGroup

from penstock.cli.main import app

ROOT = Path(__file__).parents[3]
_WORKFLOW = yaml.safe_load((ROOT / "examples/github/penstock.yml").read_text())
_JOBS: dict[str, Any] = _WORKFLOW["jobs"]
_LINES = [
    line for job in _JOBS.values() for step in job["steps"] for line in step.get("run", "").splitlines()
]
_PENSTOCK = ".venv/bin/penstock "


@pytest.mark.parametrize("line", sorted({line for line in _LINES if line.startswith(_PENSTOCK)}))
def test_each_command_of_penstock_exists_with_these_options(line):
    words = shlex.split(line.removeprefix(_PENSTOCK))
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    context = group.make_context("penstock", words)
    name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
    command.make_context(name, rest, parent=context)


def test_each_target_of_make_exists():
    called = {target for line in _LINES for target in re.findall(r"\bmake ([a-z-]+)", line)}
    assert called
    assert called <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_a_pull_request_reaches_no_environment_that_is_deployed_to():
    """What a fork proposes must not run with a role, and no proposal at all with one that deploys."""
    environments = {name: job["environment"] for name, job in _JOBS.items() if "environment" in job}
    assert environments == {"diff": "staging-diff", "staging": "staging", "production": "production"}
    assert "head.repo.full_name == github.repository" in _JOBS["diff"]["if"]
    assert _JOBS["staging"]["if"] == "github.ref == 'refs/heads/main'"
    assert _JOBS["production"]["needs"] == "staging"
    may_assume = {name for name, job in _JOBS.items() if job.get("permissions", {}).get("id-token")}
    assert may_assume == set(environments)


def test_a_deployment_is_never_cancelled_half_way():
    for job in ("staging", "production"):
        assert _JOBS[job]["concurrency"] == {"group": job, "cancel-in-progress": False}
