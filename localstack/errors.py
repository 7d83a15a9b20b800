"""Why the local stack cannot run, as one tree.

LocalError
├── AlreadyRunning     the state directory is in use
├── SetupMissing       something `make setup` installs is not there
├── DockerMissing      LocalStack was asked for, and Docker cannot be used
├── PortTaken          the port that was asked for is in use
├── PortFixed          this emulator has one port, and another was asked for
├── CommandMissing     the program an API's local.command names does not exist
├── EmulatorFailed     the emulator died or never got ready
├── AgentFailed        the local ECS agent ended by itself
├── DeployFailed       the CDK command line failed or took too long
├── NotDeployed        the stacks are there, but not what is needed from them
└── Interrupted        a signal asked to stop before the stack was up
"""

from __future__ import annotations


class LocalError(Exception):
    """Base of all errors whose text tells a developer what to do next."""


class AlreadyRunning(LocalError):
    """Another process uses the state directory; stop it with ``make local-down``."""


class SetupMissing(LocalError):
    """A program or virtual environment is missing; ``make setup`` installs it."""


class DockerMissing(LocalError):
    """``docker``, its compose plugin or its daemon is missing."""

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what}. {remedy} The embedded emulator needs no Docker: `make local`.")
        self.what = what


class PortTaken(LocalError):
    """The port given with --port is in use; choose another, or leave it out."""


class PortFixed(LocalError):
    """LocalStack listens where links were deployed to lead; leave --port out."""


class CommandMissing(LocalError):
    """The first word of an API's local.command is neither on PATH nor a file."""


class EmulatorFailed(LocalError):
    """The emulator ended or never answered; the end of its log is in the text."""


class AgentFailed(LocalError):
    """The agent's thread ended by an error, which is this one's cause."""


class DeployFailed(LocalError):
    """``cdk`` failed; the end of its log is in the text. ``--fresh`` starts from an empty emulator."""


class NotDeployed(LocalError):
    """The deployed stacks lack something, such as the REST API the base URL is made from."""


class Interrupted(LocalError):
    """SIGINT or SIGTERM came while the stack was starting."""
