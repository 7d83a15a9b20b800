"""Which deployment's API keys are meant, and what their errors mean for the exit code."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import (
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from penstock.api_keys import NoUsagePlan
from penstock.cli import endpoint
from penstock.cli.exits import ExitCode
from penstock.cli.options import StageName
from penstock.cli.output import note, stopped
from penstock.config import ConfigError, load
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.cli.surroundings import Surroundings
    from penstock.config import Config
    from penstock.key_ring import KeyRing

#: In the address of a local stack, and of nothing in the cloud.
_LOOPBACK = "//127.0.0.1:"

_NOBODY_TO_ASK_AS = (NoCredentialsError, NoRegionError, PartialCredentialsError, ProfileNotFound)


def configuration(path: Path) -> Config:
    """The configuration of the deployment that is meant. Ends the command if it cannot be used."""
    try:
        return load(path)
    except ConfigError as error:
        raise stopped(ExitCode.BAD_INPUT, str(error), "Name the configuration with --config.") from error


@contextmanager
def opened(surroundings: Surroundings, config: Config, stage: StageName | None) -> Iterator[KeyRing]:
    """The deployment's keys. Errors of the block are reported, with their notes, and end the command."""
    try:
        with operating():
            yield surroundings.key_ring(config.deployment, emulator_url(surroundings, config, stage))
    except NoUsagePlan as error:
        raise stopped(
            ExitCode.REFUSED,
            f"the deployment {config.deployment} takes no API keys.",
            "Write `auth: {mode: api_key}` into its configuration, and deploy.",
        ) from error


@contextmanager
def operating() -> Iterator[None]:
    """For work with the operator's own AWS credentials: what fails is reported, and ends the command."""
    try:
        yield
    except DependencyError as error:
        code = ExitCode.BAD_INPUT if isinstance(error.__cause__, _NOBODY_TO_ASK_AS) else ExitCode.UNAVAILABLE
        remedy = "Check your AWS credentials and region, and that the deployment is there."
        if isinstance(error.__cause__, EndpointConnectionError) and _LOOPBACK in str(error.__cause__):
            remedy = endpoint.KILLED
        raise stopped(code, str(error), remedy, *getattr(error, "__notes__", ())) from error


def emulator_url(surroundings: Surroundings, config: Config, stage: StageName | None) -> str | None:
    """Where the local stack is, if it is meant; None for the deployment in the cloud."""
    return url_of_local(surroundings, config.deployment, stage)


def url_of_local(surroundings: Surroundings, deployment: str, stage: StageName | None) -> str | None:
    """The same, for a deployment that is known by its name alone."""
    if stage is StageName.CLOUD:
        return None
    try:
        found = endpoint.local_stack(surroundings.folder)
    except endpoint.NoEndpoint as error:
        raise stopped(ExitCode.BAD_INPUT, str(error)) from error
    if found is None:
        if stage is StageName.LOCAL:
            raise stopped(ExitCode.BAD_INPUT, "no local stack is running here.", "Run `make local`.")
        return None
    if found.deployment != deployment:
        raise stopped(
            ExitCode.BAD_INPUT,
            f"the local stack is {found.deployment}, what is asked for is {deployment}.",
            "Name the other configuration with --config, or give --stage cloud.",
        )
    note("On the local stack; --stage cloud means the one in your AWS account.")
    return found.aws_endpoint_url
