"""What the states of a state machine are made of, in Amazon's States Language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Aws

if TYPE_CHECKING:
    from collections.abc import Mapping

    State = dict[str, Any]

#: Whatever goes wrong, but for an output above 256 KiB and faults in the definition: no state catches those.
EVERYTHING = ["States.ALL"]


def service(action: str) -> str:
    """What a state calls."""
    return f"arn:{Aws.PARTITION}:states:::{action}"


def retry(errors: list[str], *, times: int) -> State:
    """When a call is made again: after a second, two, four, up to a minute, each of random length."""
    return {
        "ErrorEquals": errors,
        "IntervalSeconds": 1,
        "BackoffRate": 2,
        "MaxDelaySeconds": 60,
        "MaxAttempts": times,
        "JitterStrategy": "FULL",
    }


def caught(state: str, *, path: str = "$.fault") -> list[State]:
    """Where any error leads; it is kept under the path."""
    return [{"ErrorEquals": EVERYTHING, "ResultPath": path, "Next": state}]


def choice(path: str, ways: Mapping[bool | str, str], *, default: str) -> State:
    """Where the value at the path leads."""
    compared = {bool: "BooleanEquals", str: "StringEquals"}
    return {
        "Type": "Choice",
        "Choices": [
            {"Variable": path, compared[type(value)]: value, "Next": state} for value, state in ways.items()
        ],
        "Default": default,
    }


def wait(path: str, *, then: str) -> State:
    """A pause of as many seconds as stand there."""
    return {"Type": "Wait", "SecondsPath": path, "Next": then}


def nothing() -> State:
    """The end of a child: the outputs of thousands together must fit into 256 KiB."""
    return {"Type": "Pass", "Result": {}, "End": True}
