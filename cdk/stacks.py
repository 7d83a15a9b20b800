"""One stack per life cycle: the data outlives the APIs, and an API comes and goes alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import App, Stack, Tags

from cdk.admission import admission, admission_of_own_calls
from cdk.api import Api, ApiProps
from cdk.batch import Batch
from cdk.batch_api import Jobs
from cdk.data import Data
from cdk.encryption import encrypt
from cdk.front_door import FrontDoor
from cdk.gateway import FunctionProps, GatewayFunction
from cdk.monitoring import watch
from cdk.network import Network
from cdk.publisher import Publisher
from cdk.recovery import Recovery
from cdk.stage import Compute, NoApis
from cdk.webhooks import Webhooks
from penstock import names

if TYPE_CHECKING:
    from pathlib import Path

    from cdk.stage import Stage
    from penstock.config import AsyncApi, BatchApi, Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where code is taken from, and where bundles are put together."""

    root: Path
    build_folder: Path


def add_stacks(app: App, config: Config, *, stage: Stage, sources: Sources) -> None:
    """All stacks of a deployment.

    The dependencies only order the deployment: stacks find each other by name, never by export.
    """
    config = _deployable(config, stage)
    data = _data(app, config, stage)
    gateway = _gateway(app, config, stage, sources)
    gateway.add_stack_dependency(data)
    webhooks = _webhooks(app, config, stage, sources)
    webhooks.add_stack_dependency(data)
    webhooks.add_stack_dependency(gateway)
    recovery = _recovery(app, config, sources)
    recovery.add_stack_dependency(data)
    # Workers of jobs are as many as a job asks for: there is nothing to scale.
    if stage.compute is Compute.ECS and config.async_apis:
        scaling = _scaling(app, config, sources)
        scaling.add_stack_dependency(data)
    # An API's dead-letter queue calls the recorder, which must be there before.
    needed = [data, recovery]
    if stage.compute is Compute.ECS:
        network = _network(app, config, stage)
        network.add_stack_dependency(data)
        needed.append(network)
    of_apis = {api.name: _api(app, config, api, stage, sources) for api in config.async_apis}
    if config.batch_apis:
        batch = _batch(app, config, stage, sources)
        batch.add_stack_dependency(data)
        of_apis |= {
            api.name: _jobs(app, config, api, stage, sources, shared=batch) for api in config.batch_apis
        }
    for stack in of_apis.values():
        for other in needed:
            stack.add_stack_dependency(other)
    made = [child for child in app.node.children if isinstance(child, Stack)]
    own = _stack(app, config, "monitoring", description="Topic of alarms, overview of all APIs")
    own.add_stack_dependency(data)
    watch(made, config, stage=stage, of_apis=of_apis, own=own)
    if config.encryption.kms_key is not None:
        for stack in (*made, own):
            encrypt(stack, config)


def _deployable(config: Config, stage: Stage) -> Config:
    """The configuration without what the stage leaves out."""
    if stage.runs_jobs:
        return config
    if not config.async_apis:
        raise NoApis(
            "this stage has no ECS, which runs the workers of batch jobs, and the configuration has no "
            "other API; use the stage local"
        )
    return config.model_copy(update={"apis": config.async_apis})


def _data(app: App, config: Config, stage: Stage) -> Stack:
    stack = _stack(app, config, "data", description="Records and bodies of requests")
    Data(stack, "Data", config=config, stage=stage)
    return stack


def _network(app: App, config: Config, stage: Stage) -> Stack:
    stack = _stack(app, config, "network", description="VPC and ECS cluster")
    Network(stack, "Network", config=config, stage=stage)
    return stack


def _gateway(app: App, config: Config, stage: Stage, sources: Sources) -> Stack:
    stack = _stack(app, config, "gateway", description="HTTPS front door")
    props = FunctionProps(
        config=config, root=sources.root, build_folder=sources.build_folder, links=stage.links
    )
    gateway = GatewayFunction(stack, "Gateway", props, stage=stage)
    FrontDoor(
        stack,
        "FrontDoor",
        config=config,
        stage=stage,
        function=gateway.function,
        admission=admission(stack, props, stage),
        own_calls=admission_of_own_calls(stage),
    )
    return stack


def _webhooks(app: App, config: Config, stage: Stage, sources: Sources) -> Stack:
    stack = _stack(app, config, "webhooks", description="Events, SNS topic and webhooks")
    props = FunctionProps(
        config=config, root=sources.root, build_folder=sources.build_folder, links=stage.links
    )
    Webhooks(stack, "Webhooks", props, stage=stage)
    return stack


def _recovery(app: App, config: Config, sources: Sources) -> Stack:
    stack = _stack(app, config, "recovery", description="Sweeper and dead-letter recorder")
    Recovery(stack, "Recovery", config=config, root=sources.root, build_folder=sources.build_folder)
    return stack


def _scaling(app: App, config: Config, sources: Sources) -> Stack:
    stack = _stack(app, config, "scaling", description="Numbers of tasks from depths of queues")
    Publisher(stack, "Publisher", config=config, root=sources.root, build_folder=sources.build_folder)
    return stack


def _api(app: App, config: Config, api: AsyncApi, stage: Stage, sources: Sources) -> Stack:
    stack = _stack(app, config, f"api-{api.name}", description=f"Queue and workers of {api.name}")
    props = ApiProps(
        deployment=config.deployment,
        api=api,
        network=config.network,
        tracing=config.tracing,
        stage=stage,
        root=sources.root,
    )
    Api(stack, "Api", props)
    Tags.of(stack).add("penstock:api", api.name)
    return stack


def _batch(app: App, config: Config, stage: Stage, sources: Sources) -> Stack:
    stack = _stack(app, config, "batch", description="Steps of batch jobs")
    props = FunctionProps(
        config=config, root=sources.root, build_folder=sources.build_folder, links=stage.links
    )
    Batch(stack, "Batch", props)
    return stack


def _jobs(app: App, config: Config, api: BatchApi, stage: Stage, sources: Sources, *, shared: Stack) -> Stack:
    stack = _stack(app, config, f"api-{api.name}", description=f"State machine and workers of {api.name}")
    Jobs(
        stack,
        "Jobs",
        deployment=config.deployment,
        api=api,
        network=config.network,
        traced=config.tracing,
        stage=stage,
        root=sources.root,
    )
    Tags.of(stack).add("penstock:api", api.name)
    stack.add_stack_dependency(shared)
    return stack


def _stack(app: App, config: Config, part: str, *, description: str) -> Stack:
    # No account and no region: a template that fits any can be made without asking one.
    stack = Stack(app, names.stack(config.deployment, part), description=f"Penstock: {description}")
    Tags.of(stack).add("penstock:deployment", config.deployment)
    return stack
