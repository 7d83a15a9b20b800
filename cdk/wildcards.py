"""Why some resources in rights end in, or hold, a wildcard.

What is matched is the ARN as cdk-nag writes it: ``<AWS::Region>`` stands for what only CloudFormation
knows. A wildcard that fits nothing here is a finding, and ``make check`` fails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock import keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_OBJECTS = f"{keys.PAYLOADS}|{keys.RESULTS}|{keys.JOBS}|{keys.MALFORMED}"


@dataclass(frozen=True, slots=True)
class Reason:
    """Resources of one shape, and why no narrower ones will do."""

    shape: re.Pattern[str]
    text: str


def _reason(shape: str, text: str) -> Reason:
    return Reason(re.compile(f"arn:<AWS::Partition>:{shape}"), text)


_REASONS = (
    _reason(
        rf"s3:::penstock-[^/]+-<AWS::AccountId>-<AWS::Region>/({_OBJECTS})/([a-z0-9-]+/)?\*(/[a-z.]+)?",
        "Objects are named after requests and jobs, which come and go. The prefix is one kind of bodies, and "
        "that of one API where the role belongs to an API.",
    ),
    _reason(
        r"s3:::[a-z0-9.-]+/[^*]+/?\*",
        "prefetch names this prefix, and all below it is downloaded; the right is to read it.",
    ),
    _reason(
        r"s3:::[a-z0-9.-]+/\*",
        "input_buckets names this bucket as a whole; the right is to read its objects, and no more.",
    ),
    _reason(
        r"sqs:<AWS::Region>:<AWS::AccountId>:penstock-[a-z0-9-]+_[0-9a-f]{8}_\*",
        "Each job has a queue of its own, made when it starts. The prefix ends in a hash of the API's name "
        "and fits no other API's.",
    ),
    _reason(
        r"sqs:<AWS::Region>:<AWS::AccountId>:penstock-[a-z0-9-]+_\*",
        "Queues of all jobs of the deployment, whichever batch APIs it has just now. No name of a deployment "
        "has an underscore in it, so it is no other's.",
    ),
    _reason(
        r"sqs:<AWS::Region>:<AWS::AccountId>:penstock-[a-z0-9-]+-\*\.fifo",
        "Queues of all APIs of the deployment, whichever it has just now. The right is to ask how much is in "
        "them, and no message is read or sent.",
    ),
    _reason(
        r"ssm:<AWS::Region>:<AWS::AccountId>:parameter/penstock/[a-z0-9-]+/apis/\*",
        "Here the stack of each API says what it is; APIs come and go without this function's stack.",
    ),
    _reason(
        r"ecs:<AWS::Region>:<AWS::AccountId>:service/penstock-[a-z0-9-]+(_\*)?/\*",
        "Services of all APIs of the deployment, whichever it has just now, in its own clusters.",
    ),
    _reason(
        r"scheduler:<AWS::Region>:<AWS::AccountId>:schedule/penstock-[a-z0-9-]+/\*",
        "Timers of all jobs of the deployment, which are the whole of this group.",
    ),
    _reason(
        r"scheduler:<AWS::Region>:<AWS::AccountId>:schedule/penstock-[a-z0-9-]+/penstock-[a-z0-9-]+_[0-9a-f]{8}_\*",
        "Each job has a timer of its own, named as its queue.",
    ),
    _reason(
        r"ecs:<AWS::Region>:<AWS::AccountId>:(task|container-instance)/penstock-[a-z0-9_-]+\*?/\*",
        "Tasks and instances have ids that ECS chooses; the cluster is ours.",
    ),
    _reason(
        r"ecs:<AWS::Region>:<AWS::AccountId>:task-definition/penstock-[a-z0-9-]+:\*",
        "A deployment makes a new revision, and a job takes the latest one.",
    ),
    _reason(
        r"states:<AWS::Region>:<AWS::AccountId>:execution:penstock-[a-z0-9-]+[:/]\*",
        "Executions, and children of the machine's Distributed Maps, get their names as they start.",
    ),
    _reason(
        r"dynamodb:<AWS::Region>:<AWS::AccountId>:table/penstock-[a-z0-9-]+/stream/\*",
        "AWS knows no narrower resource for ListStreams than all streams of the table.",
    ),
    _reason(
        r"secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:penstock/[a-z0-9-]+/webhook/\*",
        "Secrets of webhooks are made from the command line, and AWS adds six characters to each name.",
    ),
    _reason(
        r"execute-api:<AWS::Region>:<AWS::AccountId>:<\w+>/live/POST/chain/\*",
        "The last part is the API that is called; a callback may name any API of the deployment, and the "
        "gateway checks which one may.",
    ),
)

#: For these calls AWS knows no resource at all.
_UNBOUND = {
    "ecr:GetAuthorizationToken": "The token of ECR stands for the caller, not for a repository.",
    "ecs:DiscoverPollEndpoint": "It tells an agent where its cluster is to be reached, and has no resource.",
    "ecs:ListTasks": "AWS knows no resource for it; a condition binds it to the deployment's clusters.",
    "cloudwatch:PutMetricData": "The call is bound to our namespace by a condition instead.",
}


def reasons(policies: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Resource to reason, for the wildcards in these resolved policy documents that have one."""
    found = {}
    for statement in (statement for policy in policies for statement in policy["Statement"]):
        for resource in map(_text, _listed(statement["Resource"])):
            reason = _unbound(statement) if resource == "*" else _known(resource)
            if reason is not None:
                found[resource] = reason
    return found


def _unbound(statement: Mapping[str, Any]) -> str | None:
    known = [_UNBOUND.get(action) for action in _listed(statement["Action"])]
    return None if None in known else " ".join(filter(None, known))


def _known(resource: str) -> str | None:
    return next((reason.text for reason in _REASONS if reason.shape.fullmatch(resource)), None)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    """A resource as cdk-nag writes it."""
    return "".join(_parts(value))


def _parts(value: Any) -> Iterator[str]:
    match value:
        case {"Fn::Join": ["", parts]}:
            for part in parts:
                yield from _parts(part)
        case {"Ref": name}:
            yield f"<{name}>"
        case {"Fn::GetAtt": [resource, attribute]}:
            yield f"<{resource}.{attribute}>"
        case _:
            yield str(value)
