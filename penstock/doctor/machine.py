"""Checks of the machine that deploys, and of the configuration: none of them needs an account."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from penstock.doctor.findings import ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from penstock.doctor.findings import Finding

    #: Runs a program and gives what it prints; None if there is none, or it fails or hangs.
    Run = Callable[[Sequence[str]], str | None]

_OLDEST_PYTHON = (3, 11)
_OLDEST_NODE = 20
#: What the CDK library still supports; on others it warns at each call.
_SUPPORTED_NODE = 22
_CDK = "node_modules/.bin/cdk"


def python(version: tuple[int, int]) -> Finding:
    """The Python that runs this."""
    text = ".".join(map(str, version))
    if version < _OLDEST_PYTHON:
        return problem("python", text, "Install Python 3.11 or newer, and run `make setup`.")
    return ok("python", text)


def node(run: Run) -> Finding:
    """Node.js, which CDK runs on."""
    found = run(["node", "--version"])
    match = re.match(r"v(\d+)\.", found or "")
    if match is None:
        return problem("node", "not found", "Run `make setup`: it puts one into the virtual environment.")
    text = (found or "").strip()
    if int(match[1]) < _OLDEST_NODE:
        return problem("node", f"{text} is too old", "Run `make setup`, and put .venv/bin first on the PATH.")
    if int(match[1]) < _SUPPORTED_NODE:
        return warning(
            "node", f"{text} is out of support", "Put .venv/bin first on the PATH: it has a newer one."
        )
    return ok("node", text)


def cdk(run: Run, project: Path) -> Finding:
    """The CDK command line, which must be the pinned one."""
    try:
        pinned = json.loads((project / "package.json").read_text())["devDependencies"]["aws-cdk"]
    except (OSError, ValueError, KeyError):
        return problem(
            "cdk", f"{project} has no package.json of Penstock's", "Run it in the folder of Penstock."
        )
    found = (run([str(project / _CDK), "--version"]) or "").split(" ")[0].strip()
    if not found:
        return problem("cdk", "not installed", "Run `npm ci`; do not install it in any other way.")
    if found != pinned:
        return problem("cdk", f"{found}, but {pinned} is pinned", "Run `npm ci`.")
    return ok("cdk", found)


def engine(run: Run) -> Finding:
    """What builds images: those of the configuration, and the dequeuer's."""
    silent = None
    for program in ("docker", "podman"):
        version = run([program, "version", "--format", "{{.Client.Version}}"])
        if version is None:
            continue
        if run([program, "info"]) is not None:
            named = "" if program == "docker" else "; deploy with CDK_DOCKER=podman"
            return ok(program, version.strip() + named)
        silent = silent or program
    if silent is None:
        return problem(
            "docker", "neither docker nor podman is there", "Install one: images are built with it."
        )
    return problem(silent, "does not answer", f"Start it: `{silent} info` must work.")
