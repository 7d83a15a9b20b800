from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localstack.agent import LocalAgent
from localstack.agent_parts import AgentParts
from localstack.pair_starter import DequeuerProgram, PairStarter
from localstack.servers import LocalServer
from localstack.testing import FakeClock, FakeCluster, FakeProcess, FakeSpawner

if TYPE_CHECKING:
    from pathlib import Path

SERVER = "server-program"
DEQUEUER = "dequeuer-program"
INIT = "init-program"
PREFETCH = "prefetch-program"
API = "echo"


@dataclass
class Bench:
    """An agent among fakes."""

    folder: Path
    cluster: FakeCluster = field(default_factory=FakeCluster)
    spawner: FakeSpawner = field(default_factory=FakeSpawner)
    clock: FakeClock = field(default_factory=FakeClock)
    #: Whether dequeuers have come so far that they tell their health.
    answering: bool = True
    protected: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    lines: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        ports = iter(range(30000, 40000))
        server = LocalServer(API, (SERVER, "--fast"), self.folder, {"MODEL": "small"}, 8080)
        self.starter = PairStarter(
            server,
            DequeuerProgram(
                (DEQUEUER,), {"prefetch": (PREFETCH,), "spec": (INIT,)}, self.folder, {"DRAIN": "1"}
            ),
            {"PATH": "/bin", "AWS_REGION": "us-east-1"},
            self.folder / "logs",
            self.folder / "mnt",
            self.spawner,
            lambda task_id: f"http://agent/{task_id}",
            lambda: next(ports),
            lambda _port: self.answering,
            clock=self.clock,
        )
        self.agent = LocalAgent(
            AgentParts(
                self.cluster,
                {API: self.starter},
                show_log=lambda *line: self.lines.append(line),
                note=self.notes.append,
                is_protected=self.protected.__contains__,
                clock=self.clock,
                sleep=self.clock.sleep,
            )
        )

    @property
    def servers(self) -> list[FakeProcess]:
        return self.spawner.running(SERVER)

    @property
    def dequeuers(self) -> list[FakeProcess]:
        return self.spawner.running(DEQUEUER)

    @property
    def inits(self) -> list[FakeProcess]:
        return self.spawner.running(INIT)

    def poll_after(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.agent.poll()
