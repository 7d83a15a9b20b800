"""The embedded emulator (MiniStack) as a child process."""

from __future__ import annotations

import shutil
import socket
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from localstack.environment import ACCOUNT, MARKER, Endpoint
from localstack.errors import EmulatorFailed, Interrupted, PortTaken, SetupMissing
from localstack.logs import tail
from localstack.processes import ProcessSpec
from penstock.aws.emulator import REGION

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from localstack.processes import GroupProcess, GroupSpawner
    from localstack.state import State

DEFAULT_PORT = 4566
READY_WITHIN_SECONDS = 60.0
#: It writes one file per service when it ends; killed in between, they do not fit together.
STOP_WITHIN_SECONDS = 30.0

#: Runs the emulator's own main module.
PROCESS = Path(__file__).with_name("emulator_process.py")

#: All that Lambda code sees of the developer's environment: the emulator hands its own on to it.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")


@dataclass(frozen=True, slots=True)
class EmulatorSettings:
    """Where the emulator's program is and what it works on."""

    python: Path
    endpoint: Endpoint
    state: State
    #: What the emulator's interpreter is started with.
    process: Path = PROCESS
    #: Variables of the emulator's besides its own.
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """What the emulator itself says."""
        return self.state.logs / "emulator.log"

    def environment(self, outer: Mapping[str, str]) -> dict[str, str]:
        """Return the emulator's environment."""
        home = self.state.emulator.resolve()
        return {name: outer[name] for name in _INHERITED if name in outer} | {
            # Without it the emulator, which runs uploaded code as us, listens on all interfaces.
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.endpoint.port),
            # The host in queue URLs. "localhost" may mean ::1, where nothing listens.
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(home / "services"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(home / "s3"),
            "TMPDIR": str(home / "tmp"),
            # The agent is the one that starts tasks after a restart: two at once start too many.
            "ECS_RESTORE_RECONCILE_DELAY_SECONDS": "86400",
            # Tasks are ours to run, also where a Docker daemon is there.
            "DOCKER_HOST": f"unix://{home}/no-docker.sock",
            # Ports nobody asked for.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            MARKER: str(self.state.root.resolve()),
            **self.variables,
        }


class Emulator:
    """A running emulator."""

    def __init__(self, settings: EmulatorSettings, start: Callable[[], GroupProcess]) -> None:
        self._settings = settings
        self._start = start
        self._process = start()

    @property
    def pid(self) -> int:
        """Pid, and number of the process group that its Lambda workers are in too."""
        return self._process.pid

    def check(self) -> None:
        """Raise EmulatorFailed if it has ended."""
        code = self._process.exit_code()
        if code is not None:
            raise EmulatorFailed(f"the emulator ended with exit code {code}\n{tail(self._settings.log)}")

    def wait_until_ready(
        self, *, interrupt: threading.Event, within_seconds: float = READY_WITHIN_SECONDS
    ) -> None:
        """Return once it answers; else raise EmulatorFailed, or Interrupted."""
        deadline = time.monotonic() + within_seconds
        while not _answers(self._settings.endpoint):
            self.check()
            if time.monotonic() >= deadline:
                raise EmulatorFailed(
                    f"the emulator did not answer within {within_seconds:.0f} s\n{tail(self._settings.log)}"
                )
            if interrupt.wait(0.05):
                raise Interrupted("stopped while the emulator was starting")

    def restart(self, *, interrupt: threading.Event, within_seconds: float = STOP_WITHIN_SECONDS) -> None:
        """End it, and start it again on what it has saved, on the same port.

        Raises EmulatorFailed if it could not save, and as ``wait_until_ready``.
        """
        if not self._saved(within_seconds=within_seconds):
            raise EmulatorFailed(f"the emulator took too long to save its state\n{tail(self._settings.log)}")
        self._process = self._start()
        self.wait_until_ready(interrupt=interrupt)

    def stop(self, *, within_seconds: float = STOP_WITHIN_SECONDS) -> None:
        """End it and its Lambda workers. It saves its state meanwhile, unless it takes too long."""
        if not self._saved(within_seconds=within_seconds):
            self._process.kill()
            self._process.wait(within_seconds=5.0)

    def _saved(self, *, within_seconds: float) -> bool:
        """Ask it to end; return whether it has, with its state saved."""
        # Only the emulator itself: it waits for the calls it has in flight, and those need their workers.
        self._process.terminate_leader()
        ended = self._process.wait(within_seconds=within_seconds)
        if ended:
            self._settings.state.mark_saved()
        return ended


def start_emulator(settings: EmulatorSettings, spawn: GroupSpawner, *, outer: Mapping[str, str]) -> Emulator:
    """Start the emulator; its log begins anew."""
    if not settings.python.exists():
        raise SetupMissing(f"the emulator's interpreter {settings.python} is missing; run `make setup`")
    settings.log.unlink(missing_ok=True)
    environment = settings.environment(outer)
    process = ProcessSpec(
        command=(str(settings.python), "-P", str(settings.process)),
        directory=settings.state.emulator,
        environment=environment,
        log=settings.log,
    )

    def start() -> GroupProcess:
        settings.state.mark_unsaved()
        temporary = Path(environment["TMPDIR"])
        shutil.rmtree(temporary, ignore_errors=True)  # unpacked Lambda code of the last run
        temporary.mkdir(parents=True)
        return spawn(process)

    return Emulator(settings, start)


def choose_port(
    wanted: int | None, *, remembered: int | None, is_free: Callable[[int], bool] | None = None
) -> int:
    """Return the wanted port, else that of the last run, else the usual one, else any free one."""
    free = is_free or port_is_free
    if wanted is not None:
        if not free(wanted):
            raise PortTaken(f"port {wanted} is in use")
        return wanted
    return next((port for port in (remembered, DEFAULT_PORT) if port and free(port)), None) or free_port()


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Tell whether a server accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def port_is_free(port: int) -> bool:
    """Tell whether a server could listen on the port."""
    with socket.socket() as probe:
        # As servers do: connections of the last run that linger are in nobody's way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _answers(endpoint: Endpoint) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{endpoint.url}/_ministack/ready", timeout=2) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's own number
    except OSError:
        return False
