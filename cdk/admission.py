"""How API Gateway lets calls in: by signature, by API key, or as they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk.aws_apigateway import AuthorizationType, ThrottleSettings

from cdk.authorizer import KeyAuthorizer
from penstock.config import AuthMode

if TYPE_CHECKING:
    from aws_cdk.aws_apigateway import IAuthorizer
    from constructs import Construct

    from cdk.gateway import FunctionProps
    from cdk.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What each method asks of a call, except the public ones."""

    authorization: AuthorizationType
    #: Who decides, where that is not API Gateway itself.
    authorizer: IAuthorizer | None = None
    #: Limits of each API key; None where there are no keys.
    throttle: ThrottleSettings | None = None
    #: Whether a call must be counted against such limits.
    counted: bool = False


def admission_of_own_calls(stage: Stage) -> Admission:
    """For callbacks of one API to another: signed, however other callers prove who they are (N7).

    The sender has a role and can sign. A key for it would have to be made, kept secret, counted and
    changed.
    """
    signed = stage.auth_mode(AuthMode.IAM) is AuthMode.IAM
    return Admission(authorization=AuthorizationType.IAM if signed else AuthorizationType.NONE)


def admission(scope: Construct, props: FunctionProps, stage: Stage) -> Admission:
    """What the configuration asks for, in this stage; with keys, the function that knows them."""
    auth = props.config.auth
    match stage.auth_mode(auth.mode):
        case AuthMode.IAM:
            return Admission(authorization=AuthorizationType.IAM)
        case AuthMode.API_KEY:
            return Admission(
                authorization=AuthorizationType.CUSTOM,
                authorizer=KeyAuthorizer(scope, "Keys", props).authorizer,
                throttle=ThrottleSettings(rate_limit=auth.rate, burst_limit=auth.burst),
                counted=stage.counts_keys,
            )
        case AuthMode.NONE:
            return Admission(authorization=AuthorizationType.NONE)
