"""Which APIs the deployed gateway takes something new for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from penstock import names
from penstock.aws.faults import code_of

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


def read(ssm: SSMClient, deployment: str) -> frozenset[str] | None:
    """Their names; None without a gateway that says so."""
    try:
        answer = ssm.get_parameter(Name=names.accepting_parameter(deployment))
    except ClientError as error:
        if code_of(error) != "ParameterNotFound":
            raise
        return None
    return frozenset(json.loads(answer["Parameter"]["Value"]))
