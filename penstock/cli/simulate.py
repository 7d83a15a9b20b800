"""``simulate``: what an API's scaling would make of arrivals, and what others would."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.cli.exits import ExitCode
from penstock.cli.key_ring import configuration
from penstock.cli.output import columns, document, emit, note, stopped
from penstock.simulator import plot, spoken, summary, template
from penstock.simulator.autoscalers import AlwaysOn, Cortex, StepScaling, TargetTracking
from penstock.simulator.run import Scenario, run
from penstock.simulator.workload import BadArrivals, ServiceTime

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from penstock.config import AsyncApi, Config
    from penstock.scaling.decision import ScalingPolicy
    from penstock.simulator.autoscalers import Autoscaler
    from penstock.simulator.delays import Delays

#: What an always-on fleet is given to go on after the last arrival; it never ends by itself.
_ALWAYS_ON_TAIL_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is asked of the command."""

    config: Path
    api: str | None
    template: Path | None
    arrivals: str
    service_time: str
    spread: float
    delays: Delays
    price: float
    compare: bool
    plot: Path | None
    seed: int
    begins: datetime
    as_json: bool


def simulate(options: Options) -> None:
    """Print a table, or JSON; with a picture if one is asked for."""
    api = _api(configuration(options.config), options.api)
    scenario = _scenario(api, options)
    policy = api.autoscaling.policy(max_concurrency=api.pod.max_concurrency)
    outcomes = [run(_for(each, scenario), each) for each in _autoscalers(api, policy, options)]
    summaries = [summary.summarise(outcome, dollars_per_task_hour=options.price) for outcome in outcomes]
    if options.plot is not None:
        _draw(outcomes, options, title=f"{api.name}: {options.arrivals}, runs of {options.service_time}")
    if options.as_json:
        emit(document([dataclasses.asdict(each) for each in summaries], pretty=True))
    else:
        emit(columns(list(summary.columns(summaries))))


def _api(config: Config, name: str | None) -> AsyncApi:
    chosen = [api for api in config.async_apis if name in {None, api.name}]
    if len(chosen) != 1:
        known = ", ".join(api.name for api in config.async_apis) or "none"
        told = f"there is no AsyncAPI {name!r}" if name else "say which API with --api"
        raise stopped(ExitCode.BAD_INPUT, f"{told}; the file has: {known}.")
    return chosen[0]


def _scenario(api: AsyncApi, options: Options) -> Scenario:
    try:
        return Scenario(
            arrivals=spoken.arrivals(options.arrivals, lines_of=_lines),
            service_time=ServiceTime(
                median_seconds=spoken.seconds(options.service_time), spread=options.spread
            ),
            delays=options.delays,
            max_concurrency=api.pod.max_concurrency,
            init_replicas=api.autoscaling.min_replicas,
            seed=options.seed,
        )
    except BadArrivals as error:
        raise stopped(ExitCode.BAD_INPUT, f"{error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise stopped(ExitCode.BAD_INPUT, f"the file cannot be read: {error}.") from error


def _lines(path: str) -> list[str]:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a word of the command line, not yet a path
        return file.read().splitlines()


def _autoscalers(api: AsyncApi, policy: ScalingPolicy, options: Options) -> list[Autoscaler]:
    ours = StepScaling.of(policy, api.autoscaling.timetable, begins=options.begins)
    if options.template is not None:
        deployed = _deployed(options.template)
        widest = deployed.timetable.widest
        policy = dataclasses.replace(policy, min_replicas=widest.fewest, max_replicas=widest.most)
        ours = StepScaling(policy, deployed.policies, deployed.timetable, options.begins)
    else:
        note("Scaling as this configuration would deploy it; --template reads what a deployment holds.")
    if not options.compare:
        return [ours]
    bounds: dict[str, Any] = {"min_replicas": policy.min_replicas, "max_replicas": policy.max_replicas}
    return [
        ours,
        Cortex(**bounds, target_in_flight=api.autoscaling.target_in_flight),
        TargetTracking(**bounds, target=api.autoscaling.target_in_flight),
        AlwaysOn(policy.max_replicas),
    ]


def _deployed(path: Path) -> template.DeployedScaling:
    try:
        return template.read(json.loads(path.read_text()))
    except template.NoScaling as error:
        raise stopped(ExitCode.BAD_INPUT, f"{path}: {error}.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise stopped(
            ExitCode.BAD_INPUT,
            f"{path} is no template that can be read: {error}.",
            "`make synth` writes templates to cdk.out/, one for each API.",
        ) from error


def _for(autoscaler: Autoscaler, scenario: Scenario) -> Scenario:
    if isinstance(autoscaler, AlwaysOn):
        return dataclasses.replace(scenario, tail_seconds=_ALWAYS_ON_TAIL_SECONDS)
    return scenario


def _draw(outcomes: list[Any], options: Options, *, title: str) -> None:
    assert options.plot is not None
    try:
        plot.draw(outcomes, path=options.plot, title=title)
    except (plot.NoPlotting, ValueError, OSError) as error:
        raise stopped(ExitCode.BAD_INPUT, f"{options.plot} cannot be drawn: {error}.") from error
    note(f"Drawn: {options.plot}")
