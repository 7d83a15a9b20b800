"""Whether the API key of a call may make it, and how the gateway learns of the key.

API Gateway enforces the answer. The gateway looks at the key's APIs again: what stands between the two
is configuration, of which nobody would notice that it is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.api_keys import digest_of, is_secret, may_call
from penstock.errors import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from penstock.api_keys import ApiKeys
    from penstock.catalogue import Catalogue

_BEARER = "bearer"

# Names in the authorizer's context, which API Gateway passes on as text.
_KEY_ID, _APIS = "key_id", "apis"


class NoKey(Exception):
    """The call carries no key, or one that was never made or is revoked."""


def decide(event: Mapping[str, Any], *, keys: ApiKeys, catalogue: Catalogue) -> dict[str, Any]:
    """API Gateway's answer for one call: a policy, and who calls. Raises ``NoKey``, ``DependencyError``."""
    secret = _secret(event.get("headers") or {})
    if secret is None or not is_secret(secret):
        raise NoKey
    digest = digest_of(secret)
    key = keys.find(digest)
    if key is None:
        raise NoKey
    endpoint = (event.get("pathParameters") or {}).get("api")
    allowed = may_call(key.apis, endpoint, catalogue)
    return {
        "principalId": key.id,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow" if allowed else "Deny",
                    "Resource": event["methodArn"],
                }
            ],
        },
        # By which the usage plan counts: the value of API Gateway's entry of the key, not the secret.
        "usageIdentifierKey": digest,
        "context": {_KEY_ID: key.id, _APIS: " ".join(key.apis)},
    }


def caller_of(context: Mapping[str, Any]) -> str | None:
    """Who calls, by what ``decide`` told; None if the call was made without a key."""
    return f"key:{context[_KEY_ID]}" if _KEY_ID in context else None


def apis_of(context: Mapping[str, Any]) -> frozenset[str] | None:
    """The APIs that the caller's key is for; None if the call was made without a key."""
    return frozenset(context.get(_APIS, "").split()) if _KEY_ID in context else None


def check(apis: Collection[str] | None, endpoint: str | None, catalogue: Catalogue) -> None:
    """Refuse a key that is not for this API; ``AccessDenied``, as API Gateway itself would say."""
    if apis is not None and not may_call(apis, endpoint, catalogue):
        raise AccessDenied("The API key is not for this API, or there is none of this name.")


def _secret(headers: Mapping[str, str]) -> str | None:
    """The secret in ``Authorization: Bearer`` or, without that, in ``X-Api-Key``."""
    sent = {name.lower(): value for name, value in headers.items()}
    scheme, _, token = sent.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == _BEARER else sent.get("x-api-key")
