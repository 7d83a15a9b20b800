"""The ``DeployedApis`` port on parameters of SSM, and the catalogue of a function that uses it."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from penstock import names
from penstock.aws.faults import translated
from penstock.catalogue import FILE, Catalogue
from penstock.deployed import DeployedApi, Remembered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_ssm import SSMClient

#: A caller may be waiting for this.
_AWS = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})


class SsmDeployedApis:
    """One parameter an API, below a path of the deployment's own.

    The client is made when it is first needed: most functions never meet an API that has left the
    configuration, and should not pay for it at each cold start.
    """

    def __init__(self, connect: Callable[[], SSMClient], deployment: str) -> None:
        self._connect = connect
        self._path = names.api_parameters(deployment)

    def read(self) -> Sequence[DeployedApi]:
        """See ``DeployedApis.read``."""
        with translated("read the parameters of the APIs"):
            pages = self._client.get_paginator("get_parameters_by_path").paginate(Path=self._path)
            texts = [parameter["Value"] for page in pages for parameter in page["Parameters"]]
        return [DeployedApi.from_json(text) for text in texts]

    @cached_property
    def _client(self) -> SSMClient:
        return self._connect()


def remembered(deployment: str) -> Remembered:
    """What the stacks of this function's own deployment say."""
    return Remembered(SsmDeployedApis(_connect, deployment), clock=lambda: time.time_ns() // 1_000_000)


def catalogue(deployment: str) -> Catalogue:
    """The catalogue of the function's bundle, and behind it the APIs that have left the configuration."""
    return replace(Catalogue.from_json(FILE.read_text()), departed=remembered(deployment).entries)


def _connect() -> SSMClient:
    return boto3.session.Session().client("ssm", config=_AWS)
