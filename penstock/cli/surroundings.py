"""What the commands take from outside of the program."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from penstock.client import Client
    from penstock.doctor.account import Facts
    from penstock.key_ring import KeyRing
    from penstock.lifecycle.estate import Account
    from penstock.promotion.promote import Registry
    from penstock.promotion.releases import Releases
    from penstock.revisions import Revisions
    from penstock.webhooks.ports import SecretStore


def _client(url: str, api_key: str | None) -> Client:
    from penstock.client import Client  # noqa: PLC0415 - httpx takes 0.2 s, which --help should not pay

    return Client(url, api_key=api_key)


def _key_ring(deployment: str, emulator_url: str | None) -> KeyRing:
    from penstock.aws.operator import key_ring  # noqa: PLC0415 - loads boto3

    return key_ring(deployment, emulator_url=emulator_url)


def _signing_secrets(deployment: str, emulator_url: str | None, key_id: str | None) -> SecretStore:
    from penstock.aws.operator import signing_secrets  # noqa: PLC0415 - loads boto3

    return signing_secrets(deployment, emulator_url=emulator_url, key_id=key_id)


def _releases(deployment: str, emulator_url: str | None) -> Releases:
    from penstock.aws.operator import releases  # noqa: PLC0415 - loads boto3

    return releases(deployment, emulator_url=emulator_url)


def _registry(emulator_url: str | None) -> Registry:
    from penstock.aws.operator import registry  # noqa: PLC0415 - loads boto3

    return registry(emulator_url=emulator_url)


def _revisions(emulator_url: str | None) -> Revisions:
    from penstock.aws.operator import revisions  # noqa: PLC0415 - loads boto3

    return revisions(emulator_url=emulator_url)


def _account(deployment: str, emulator_url: str | None) -> Account:
    from penstock.aws.operator import account  # noqa: PLC0415 - loads boto3

    return account(deployment, emulator_url=emulator_url)


def _facts(emulator_url: str | None) -> Facts:
    from penstock.aws.operator import facts  # noqa: PLC0415 - loads boto3

    return facts(emulator_url=emulator_url)


#: How long a program may take to say its version.
_PROGRAM_SECONDS = 20


def _run(command: Sequence[str]) -> str | None:
    try:
        ended = subprocess.run(  # noqa: S603 - named programs, no shell
            command, capture_output=True, text=True, timeout=_PROGRAM_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ended.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Given to the commands as typer's context object, so that tests give their own."""

    #: A client for a URL, with an API key if there is one.
    connect: Callable[[str, str | None], Client] = _client
    #: The API keys of a deployment, in an emulator if there is the URL of one.
    key_ring: Callable[[str, str | None], KeyRing] = _key_ring
    #: The secrets of its webhooks, likewise; and the KMS key of new ones, if not AWS's own.
    signing_secrets: Callable[[str, str | None, str | None], SecretStore] = _signing_secrets
    #: What its APIs were last deployed of, likewise.
    releases: Callable[[str, str | None], Releases] = _releases
    #: ECR and ECS, in an emulator if there is the URL of one.
    registry: Callable[[str | None], Registry] = _registry
    revisions: Callable[[str | None], Revisions] = _revisions
    #: Its account, likewise.
    account: Callable[[str, str | None], Account] = _account
    #: What the account of the AWS credentials answers, likewise.
    facts: Callable[[str | None], Facts] = _facts
    #: Runs a program and gives what it prints; None if there is none, or it fails or hangs.
    run: Callable[[Sequence[str]], str | None] = _run
    #: Never in a representation: those end up in tracebacks.
    api_key: str | None = field(default=None, repr=False)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    folder: Path = Path()
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    stdout_is_terminal: bool = False
    stderr_is_terminal: bool = False

    @classmethod
    def real(cls) -> Surroundings:
        """Those of this process."""
        return cls(
            stdout_is_terminal=sys.stdout is not None and sys.stdout.isatty(),
            stderr_is_terminal=sys.stderr is not None and sys.stderr.isatty(),
        )
