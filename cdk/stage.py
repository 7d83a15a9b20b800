"""Everything in which one stage differs from another; no other module asks which stage it is.

The local stage deploys the same stacks onto the embedded emulator on the developer's machine, the
localstack stage onto LocalStack's free edition, which runs no tasks. Each field below is a
difference on purpose, and a test compares the templates of all stages with this list.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from aws_cdk import Aws, RemovalPolicy

from penstock.config import AuthMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.config import Domain

#: Last part of the HTTP API's URL; API Gateway calls it a stage too.
STAGE_NAME = "live"


class UnknownStage(ValueError):
    """No stage has the name that was given as ``-c stage=…``; the text lists those that exist."""


class NoApis(ValueError):
    """The stage leaves all APIs of the configuration out; the text says why."""


class Images(Enum):
    """Where the images of a task come from."""

    #: Built from their folders, and pushed to the account when a stack is deployed.
    BUILT = "built"
    #: Only named. The local agent runs processes instead, and machines without Docker can deploy.
    NAMED = "named"


class Compute(Enum):
    """What runs the user's containers."""

    #: An ECS service per API, in a network of the deployment's own.
    ECS = "ecs"
    #: Nothing that is deployed: the emulator knows neither ECS nor Application Auto Scaling. A
    #: parameter per API holds what its task would be, and ``localstack/`` starts the processes.
    DESCRIBED = "described"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage."""

    #: What becomes of table and bucket when their stack is deleted.
    removal_policy: RemovalPolicy
    #: Whether the table refuses to be deleted at all until this is switched off.
    deletion_protection: bool
    compute: Compute
    #: Whether networks have NAT gateways and flow logs. The emulator refuses both; there, processes of the
    #: local agent stand for tasks, and reach what this machine reaches.
    full_network: bool
    #: Whether capacity providers are deployed, and instances with them. The emulator refuses what binds
    #: them to a cluster; the local agent runs tasks of every kind as processes.
    capacity_providers: bool
    #: Whether Application Auto Scaling follows what is published. The emulators refuse it; the local
    #: agent plays its part, from the same values.
    auto_scaling: bool
    images: Images
    #: Whether callers have AWS credentials to sign with. On the emulator they have not.
    signatures: bool
    #: Whether calls with an API key are counted against its limits. API Gateway takes what it counts by
    #: from the authorizer; the emulator only from the X-Api-Key header, and would refuse all others.
    counts_keys: bool
    #: Whether there are dashboards, and alarms that compute. The emulator takes an alarm on an expression
    #: for an error, and LocalStack has no dashboards.
    watched: bool
    #: How long a dequeuer waits for a message. A running long poll is never cancelled (R18), so
    #: this is also how long an idle worker takes to stop.
    poll_seconds: int
    #: Whether callbacks may go to this machine's own addresses, over http and to any port (N7).
    loopback_callbacks: bool
    #: Whether the HTTP API has its resource policy and its own name. The emulators check no policy, and no
    #: name leads to them.
    guarded: bool
    #: Base URL of the HTTP API for its id. Functions fill variables of theirs in: the emulator's port
    #: is not known here.
    api_url: Callable[[str], str]
    #: Where AWS's console shows logs; empty where there is none.
    console: str = ""
    #: Where links to bodies lead, if not to AWS: an address that is the same for the gateway, which
    #: signs it from inside a container, and for callers outside.
    links: str | None = None

    @property
    def runs_jobs(self) -> bool:
        """Whether batch APIs are deployed: their workers are tasks, which the state machine starts in ECS."""
        return self.compute is Compute.ECS

    def domain(self, configured: Domain | None) -> Domain | None:
        """The API's own name: as configured, unless nothing leads here by it."""
        return configured if self.guarded else None

    def base_url(self, api_id: str, domain: Domain | None) -> str:
        """What all links to the HTTP API begin with, without a slash at the end."""
        return self.api_url(api_id) if domain is None else f"https://{domain.name}"

    def auth_mode(self, configured: AuthMode) -> AuthMode:
        """How a call proves who makes it: as configured, unless that takes signatures and there are none."""
        return AuthMode.NONE if configured is AuthMode.IAM and not self.signatures else configured


def _cloud_url(api_id: str) -> str:
    return f"https://{api_id}.execute-api.{Aws.REGION}.{Aws.URL_SUFFIX}/{STAGE_NAME}"


def _local_url(api_id: str) -> str:
    return f"${{AWS_ENDPOINT_URL}}/restapis/{api_id}/{STAGE_NAME}/_user_request_"


_STAGES = {
    "cloud": Stage(
        removal_policy=RemovalPolicy.RETAIN,
        deletion_protection=True,
        compute=Compute.ECS,
        full_network=True,
        capacity_providers=True,
        auto_scaling=True,
        images=Images.BUILT,
        signatures=True,
        counts_keys=True,
        watched=True,
        poll_seconds=20,
        loopback_callbacks=False,
        guarded=True,
        api_url=_cloud_url,
        console=f"https://{Aws.REGION}.console.aws.amazon.com/cloudwatch/home?region={Aws.REGION}",
    ),
    "local": Stage(
        removal_policy=RemovalPolicy.DESTROY,
        deletion_protection=False,
        compute=Compute.ECS,
        full_network=False,
        capacity_providers=False,
        auto_scaling=False,
        images=Images.NAMED,
        signatures=False,
        counts_keys=False,
        watched=False,
        poll_seconds=2,
        loopback_callbacks=True,
        guarded=False,
        api_url=_local_url,
    ),
    "localstack": Stage(
        removal_policy=RemovalPolicy.DESTROY,
        deletion_protection=False,
        compute=Compute.DESCRIBED,
        full_network=False,
        capacity_providers=False,
        auto_scaling=False,
        images=Images.NAMED,
        signatures=False,
        counts_keys=False,
        watched=False,
        poll_seconds=2,
        loopback_callbacks=True,
        guarded=False,
        api_url=_local_url,
        # 127.0.0.1 in public DNS, and LocalStack itself for the containers that it starts.
        links="http://localhost.localstack.cloud:4566",
    ),
}


def named(name: str) -> Stage:
    """The stage of that name; ``UnknownStage`` if there is none."""
    if name not in _STAGES:
        raise UnknownStage(f'there is no stage "{name}"; the stages are: {", ".join(_STAGES)}')
    return _STAGES[name]
