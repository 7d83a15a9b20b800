"""The resource policy of the HTTP API: from where, and from which other accounts, it may be called.

API Gateway asks it before the function or the authorizer, and beside the caller's own rights. An explicit
refusal here ends every call; callers of other accounts need both their own account's leave and this one's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from cdk.stage import STAGE_NAME
from penstock import names
from penstock.config import Auth, AuthMode
from penstock.webhooks import own

if TYPE_CHECKING:
    from penstock.config import Access

_Conditions = dict[str, dict[str, str | list[str]]]

#: API Gateway puts its own ARN in front.
_ALL = f"execute-api:/{STAGE_NAME}/*"
_HEALTH = f"execute-api:/{STAGE_NAME}/GET/healthz"
_OWN_CALLS = f"execute-api:/{STAGE_NAME}/POST{own.ROUTE.format(api='*')}"


def policy(access: Access, *, auth: Auth, deployment: str) -> iam.PolicyDocument | None:
    """The policy, if anything is configured. Without one, this account's signers call from anywhere."""
    if not access.model_fields_set:
        return None
    return iam.PolicyDocument(
        statements=[
            *(_signers(access) if auth.mode is AuthMode.IAM else [_allow([iam.AnyPrincipal()], _ALL)]),
            _only_own_account_calls_on(),
            *_only_from(access, deployment),
        ]
    )


def _signers(access: Access) -> list[iam.PolicyStatement]:
    """This account's users and roles, as their own rights let them, and those of others that are listed.

    Never everybody: a signature of any account in the world would do.
    """
    named: list[iam.IPrincipal] = [
        iam.AccountRootPrincipal(),
        *(iam.AccountPrincipal(account) for account in access.accounts),
        *(iam.ArnPrincipal(arn) for arn in access.principals),
    ]
    statements = [_allow(named, _ALL), _allow([iam.AnyPrincipal()], _HEALTH)]
    if access.organizations:
        members: _Conditions = {"StringEquals": {"aws:PrincipalOrgID": list(access.organizations)}}
        statements.append(_allow([iam.AnyPrincipal()], _ALL, members))
    return statements


def _only_own_account_calls_on() -> iam.PolicyStatement:
    """The route from one API to the next takes any signature that is let in, so no other account's is."""
    return _deny(_OWN_CALLS, {"StringNotEquals": {"aws:PrincipalAccount": Aws.ACCOUNT_ID}})


def _only_from(access: Access, deployment: str) -> list[iam.PolicyStatement]:
    if access.vpc_endpoints:
        return [_deny(_ALL, {"StringNotEquals": {"aws:SourceVpce": list(access.vpc_endpoints)}})]
    if not access.source_ips:
        return []
    # The sender of webhooks has no address of its own: it is known by its signature.
    role = names.webhook_role(deployment, region=Aws.REGION)
    sender = f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{role}"
    elsewhere: _Conditions = {
        "NotIpAddress": {"aws:SourceIp": list(access.source_ips)},
        "ArnNotEquals": {"aws:PrincipalArn": sender},
    }
    return [_deny(_ALL, elsewhere)]


def _allow(
    principals: list[iam.IPrincipal], resource: str, conditions: _Conditions | None = None
) -> iam.PolicyStatement:
    return _statement(iam.Effect.ALLOW, principals, resource, conditions)


def _deny(resource: str, conditions: _Conditions) -> iam.PolicyStatement:
    return _statement(iam.Effect.DENY, [iam.AnyPrincipal()], resource, conditions)


def _statement(
    effect: iam.Effect, principals: list[iam.IPrincipal], resource: str, conditions: _Conditions | None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        effect=effect,
        principals=principals,
        actions=["execute-api:Invoke"],
        resources=[resource],
        conditions=conditions,
    )
