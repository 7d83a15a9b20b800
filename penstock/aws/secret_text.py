"""A secret's text, read once by a function that starts."""

from __future__ import annotations

import boto3
from botocore.config import Config

from penstock.aws.faults import translated

_AWS = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})


def secret_text(name: str) -> str:
    """What Secrets Manager holds under a name or ARN; ``DependencyError`` if that cannot be read."""
    client = boto3.session.Session().client("secretsmanager", config=_AWS)
    with translated(f"read the secret {name}"):
        return str(client.get_secret_value(SecretId=name)["SecretString"])
