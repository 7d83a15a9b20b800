"""Three alarms for each function: it fails, it is held back, or it takes nearly as long as it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_

from cdk import alarms, metrics
from cdk.alarms import Rule
from penstock import names

if TYPE_CHECKING:
    from aws_cdk import Stack

#: Lambda's own limit. What is given that takes as much of it as it needs, and goes on in another call.
_LONGEST = Duration.minutes(15)
#: Of a function's time: beyond that it will soon be cut off.
_NEARLY = 0.9


def add(stack: Stack, deployment: str) -> None:
    """Alarms for all functions of a stack."""
    # Their errors have alarms of their own, which also take it for the worst if there was no call.
    watched = {names.sweeper_function(deployment), names.scaling_function(deployment)}
    prefix = names.stack(deployment, "")
    for function in stack.node.find_all():
        if not isinstance(function, lambda_.Function):
            continue
        definition = function.node.default_child
        assert isinstance(definition, lambda_.CfnFunction)
        name = definition.function_name
        assert name is not None
        _add(stack, name, short=name.removeprefix(prefix), function=function, errors=name not in watched)


def _add(stack: Stack, name: str, *, short: str, function: lambda_.Function, errors: bool) -> None:
    log = f"See the log group /aws/lambda/{name}."
    if errors:
        alarms.add(
            stack,
            f"FunctionErrors-{short}",
            metrics.of_function(name, "Errors"),
            # One that met an outage of seconds is tried again by whoever called it.
            Rule(threshold=1, periods=2, of=3),
            text=f"Calls of {name} fail, or take longer than they may. {log}",
        )
    alarms.add(
        stack,
        f"FunctionThrottled-{short}",
        metrics.of_function(name, "Throttles"),
        Rule(threshold=1, periods=2, of=3),
        text=f"Calls of {name} are held back: the account's concurrent executions are used up.",
    )
    limit = function.timeout
    if limit is None or limit.to_seconds() >= _LONGEST.to_seconds():
        return
    alarms.add(
        stack,
        f"FunctionSlow-{short}",
        metrics.of_function(name, "Duration", statistic=cloudwatch.Stats.percentile(99)),
        Rule(threshold=round(limit.to_milliseconds() * _NEARLY), periods=2, of=3),
        text=f"One in a hundred calls of {name} takes nine tenths of the time it has. {log}",
    )
