"""Whether another account may pull from a repository, and the statement that lets it."""

from __future__ import annotations

import json
from typing import Any

#: What ECS needs of the repository itself.
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


def lets_pull(policy: str | None, account: str) -> bool:
    """Whether the policy names the account for both actions.

    Only statements without conditions count: of an organisation's nobody knows from here who is in it.
    """
    if policy is None:
        return False
    granted: set[str] = set()
    for statement in _listed(json.loads(policy)["Statement"]):
        if statement["Effect"] == "Allow" and not statement.get("Condition") and _names(statement, account):
            granted |= {action.lower() for action in _listed(statement.get("Action", []))}
    return all(granted & {action.lower(), "ecr:*", "*"} for action in PULL)


def statement(account: str) -> dict[str, Any]:
    """What to add to the policy."""
    return {
        "Sid": f"PenstockPull{account}",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": list(PULL),
    }


def _names(statement: dict[str, Any], account: str) -> bool:
    principal = statement.get("Principal", {})
    named = _listed(principal.get("AWS", [])) if isinstance(principal, dict) else [principal]
    # Roles alone are not enough: the execution role of each API is another one.
    return any(name in {"*", account} or name.endswith(f"::{account}:root") for name in named)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
