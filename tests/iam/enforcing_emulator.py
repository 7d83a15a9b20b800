"""Runs the embedded emulator with IAM enforced: in the emulator's own interpreter, started by path.

``AUTH=true`` makes it check signatures and the policies of users, roles and functions. Five things are
added here, each where AWS has it and the emulator does not:

- ``dynamodb:LeadingKeys``, by which nearly all our rights on the table are bounded;
- ``aws:SourceAccount``, when AWS's own services take a role (the emulator's fake root stands for them);
- ``aws:SecureTransport``: it speaks plain HTTP, where AWS has TLS, and policies refuse everything else;
- batches of SQS need the right of what they are batches of, and no other;
- a record of each decision, one JSON object a line: who asked for what on which resource, under which
  keys, and whether it was allowed.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

#: Where the record goes.
RECORD_VARIABLE = "PENSTOCK_IAM_RECORD"

#: A partition key in a condition, by its place in all our key schemas: ``#pk = :value``, in front.
_PARTITION = re.compile(r"^\s*\(?\s*(?P<name>#?\w+)\s*=\s*(?P<value>:\w+)")

_BATCHES = {
    f"sqs:{action}Batch": f"sqs:{action}"
    for action in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")
}

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
        denied = decide(access_key_id, action, service, region, resource_arn, service_context)
        caller = evaluator.resolve_caller_identity(access_key_id) or {}
        line = {
            "caller": caller.get("userArn", ""),
            "action": action,
            "resource": resource_arn,
            "context": service_context or {},
            "allowed": denied is None,
        }
        with record.open("a") as file:
            file.write(json.dumps(line) + "\n")
        return denied

    evaluator.enforce = recorded


def main() -> None:
    """Add what is missing, and go on as the emulator does without."""
    from ministack.core import iam_actions, iam_evaluator  # type: ignore[import-not-found] # noqa: PLC0415 - in its interpreter

    _know_leading_keys(iam_actions)
    _know_source_account(iam_evaluator)
    _be_secure(iam_evaluator)
    _record_decisions(iam_evaluator, Path(os.environ[RECORD_VARIABLE]))
    sys.argv = sys.argv[:1]
    runpy.run_path(str(Path(__file__).parents[2] / "localstack" / "emulator_process.py"), run_name="__main__")


if __name__ == "__main__":
    main()
