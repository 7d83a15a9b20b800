"""Runs the embedded emulator with IAM enforced: in the emulator's own interpreter, started by path.

``AUTH=true`` makes it check signatures and the policies of users, roles and functions. Eight things are
added here, each where AWS has it and the emulator does not:

- ``dynamodb:LeadingKeys``, by which nearly all our rights on the table are bounded;
- ``aws:SourceAccount``, when AWS's own services take a role (the emulator's fake root stands for them);
- ``aws:SecureTransport``: it speaks plain HTTP, where AWS has TLS, and policies refuse everything else;
- batches of SQS need the right of what they are batches of, and no other;
- services and tasks of ECS, schedules in groups and paths of SSM are resources, not the cluster, the
  default group or anything;
- ``cloudwatch:namespace``, to which the right to publish metrics is bound;
- ``ecs:cluster``, to which the right to list tasks is bound;
- a record of each decision, one JSON object a line: who asked for what on which resource, under which
  keys, and whether it was allowed.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import sys
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

#: Where the record goes.
RECORD_VARIABLE = "PENSTOCK_IAM_RECORD"

#: A partition key in a condition, by its place in all our key schemas: ``#pk = :value``, in front.
_PARTITION = re.compile(r"^\s*\(?\s*(?P<name>#?\w+)\s*=\s*(?P<value>:\w+)")

_BATCHES = {
    f"sqs:{action}Batch": f"sqs:{action}"
    for action in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")
}

#: In CBOR, a text of 24 bytes or more has its length in a byte of its own.
_LONG_TEXT = 0x78

_NAMESPACE = re.compile(rb'Namespace(?:"\s*:\s*"|=)([^"&]+)')

_PARTITION_KEYS = {"pk", "listing_pk", "open_pk"}


def leading_keys(body: bytes) -> list[str]:
    """Values of the partition keys that a call of DynamoDB names; none if it names none, as a scan."""
    try:
        call = json.loads(body or b"{}")
    except ValueError:
        return []
    found = [*_of_item(call), *_of_query(call)]
    for table in call.get("RequestItems", {}).values():
        listed = table.get("Keys", []) if isinstance(table, dict) else table
        for entry in listed:
            request = next(iter(entry.values())) if isinstance(table, list) else {"Key": entry}
            found += _of_item(request)
    for entry in call.get("TransactItems", []):
        for part in entry.values():
            found += _of_item(part)
    return found


def _of_item(call: dict[str, Any]) -> list[str]:
    named = call.get("Key") or call.get("Item") or {}
    return [named[key]["S"] for key in ("pk",) if key in named]


def _of_query(call: dict[str, Any]) -> list[str]:
    match = _PARTITION.match(call.get("KeyConditionExpression", ""))
    if match is None:
        return []
    name = call.get("ExpressionAttributeNames", {}).get(match["name"], match["name"])
    value = call.get("ExpressionAttributeValues", {}).get(match["value"], {})
    return [value["S"]] if name in _PARTITION_KEYS and "S" in value else []


def _know_leading_keys(actions: Any) -> None:
    known = actions.dynamodb_service_context

    def with_keys(body: bytes) -> dict[str, Any]:
        keys = leading_keys(body)
        return {**known(body), **({"dynamodb:LeadingKeys": keys} if keys else {})}

    actions.dynamodb_service_context = with_keys


#: Resources of a call besides its first.
_others: ContextVar[tuple[str, ...]] = ContextVar("others", default=())


def resources(iam_action: str, path: str, body: bytes, query: dict[str, Any], *, prefix: str) -> list[str]:
    """ARNs that AWS checks where the emulator has others; ``prefix`` is region and account, with colons."""
    if iam_action == "ecs:DescribeServices":
        call = json.loads(body)
        cluster = call["cluster"].rpartition("/")[2]
        return [f"arn:aws:ecs:{prefix}:service/{cluster}/{name}" for name in call["services"]]
    if iam_action == "ecs:DescribeTasks":
        return list(json.loads(body)["tasks"])
    if iam_action == "ssm:GetParametersByPath":
        return [f"arn:aws:ssm:{prefix}:parameter{json.loads(body)['Path'].rstrip('/')}"]
    if iam_action in {"scheduler:CreateSchedule", "scheduler:DeleteSchedule"}:
        told = json.loads(body or b"{}").get("GroupName") or query.get("groupName") or "default"
        group = told[0] if isinstance(told, list) else told
        return [f"arn:aws:scheduler:{prefix}:schedule/{group}/{path.rpartition('/')[2]}"]
    return []


def namespace(body: bytes) -> str | None:
    """The namespace in a call of PutMetricData, in CBOR, JSON or a form; None if there is none."""
    match = _NAMESPACE.search(body)
    if match is not None:
        return unquote(match[1].decode())
    _, found, rest = body.partition(b"iNamespace")
    if not found:
        return None
    # The head of a text: its type, and its length in the rest of the byte or in the next.
    start, length = (1, rest[0] & 0x1F) if rest[0] < _LONG_TEXT else (2, rest[1])
    return rest[start : start + length].decode()


def _know_namespaces(actions: Any) -> None:
    known = actions.request_tag_context

    def with_namespace(service: str, action: str, body: bytes, query: dict[str, Any]) -> dict[str, Any]:
        name = namespace(body) if action == "cloudwatch:PutMetricData" else None
        return {**known(service, action, body, query), **({"cloudwatch:namespace": name} if name else {})}

    actions.request_tag_context = with_namespace


def _know_resources(actions: Any) -> None:
    known = actions.extract_resource_arn

    def extracted(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, Any],
        region: str,
        account: str,
    ) -> str:
        action = actions.extract_iam_action(service, method, path, headers, body, query)
        found = resources(action, path, body, query, prefix=f"{region}:{account}")
        _others.set(tuple(found[1:]))
        return found[0] if found else known(service, method, path, headers, body, query, region, account)

    actions.extract_resource_arn = extracted


def _know_source_account(evaluator: Any) -> None:
    known = evaluator.evaluate_trust_policy

    def for_services(document: Any, caller_arn: str, context: Any = None) -> bool:
        if context is not None and caller_arn.endswith(":root"):
            told = {**context.service_context, "aws:sourceaccount": context.principal_account}
            context = replace(context, service_context=told)
        return bool(known(document, caller_arn, context))

    evaluator.evaluate_trust_policy = for_services


def _be_secure(evaluator: Any) -> None:
    known = evaluator.pin_request_origin

    def secure(source_ip: str, _secure_transport: bool) -> None:  # noqa: FBT001 - the emulator's own signature
        known(source_ip, True)  # noqa: FBT003

    evaluator.pin_request_origin = secure


def _record_decisions(evaluator: Any, record: Path) -> None:
    decide = evaluator.enforce

    def recorded(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        action = _BATCHES.get(iam_action, iam_action)
        others = _others.get()
        _others.set(())
        if action == "ecs:ListTasks":
            # The emulator takes the cluster for the resource; to AWS it is a key.
            service_context = {**(service_context or {}), "ecs:cluster": resource_arn}
        for arn in (resource_arn, *others):
            denied = decide(access_key_id, action, service, region, arn, service_context)
            caller = evaluator.resolve_caller_identity(access_key_id) or {}
            line = {
                "caller": caller.get("userArn", ""),
                "action": action,
                "resource": arn,
                "context": service_context or {},
                "allowed": denied is None,
            }
            with record.open("a") as file:
                file.write(json.dumps(line) + "\n")
            if denied is not None:
                return denied
        return None

    evaluator.enforce = recorded


def main() -> None:
    """Add what is missing, and go on as the emulator does without."""
    from ministack.core import iam_actions, iam_evaluator  # type: ignore[import-not-found] # noqa: PLC0415 - in its interpreter

    _know_leading_keys(iam_actions)
    _know_namespaces(iam_actions)
    _know_resources(iam_actions)
    _know_source_account(iam_evaluator)
    _be_secure(iam_evaluator)
    _record_decisions(iam_evaluator, Path(os.environ[RECORD_VARIABLE]))
    sys.argv = sys.argv[:1]
    runpy.run_path(str(Path(__file__).parents[2] / "localstack" / "emulator_process.py"), run_name="__main__")


if __name__ == "__main__":
    main()
