"""What an operator does to a deployment besides deploying it, with their own AWS credentials."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from penstock import names
from penstock.aws import emulator
from penstock.aws.account import AwsAccount
from penstock.aws.api_keys import DynamoApiKeys
from penstock.aws.facts import AwsFacts
from penstock.aws.faults import translated
from penstock.aws.meters import ApiGatewayMeters
from penstock.aws.registry import EcrRegistry
from penstock.aws.releases import StackReleases
from penstock.aws.revisions import EcsRevisions
from penstock.aws.signing_secrets import StoredSecrets
from penstock.key_ring import KeyRing

#: A check that gets no answer must not keep anybody waiting.
_SOON = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})

#: What takes an hour must not end because AWS has throttled a call.
_PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 10})

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.promotion.promote import Registry
    from penstock.promotion.releases import Releases
    from penstock.revisions import Revisions
    from penstock.webhooks.ports import SecretStore


def key_ring(deployment: str, *, emulator_url: str | None) -> KeyRing:
    """The API keys of a deployment, in the account of the credentials or in an emulator.

    ``DependencyError`` if there is nothing to make a client from, such as no region.
    """
    with translated("connect to AWS"):
        session, options = _connection(emulator_url)
        return KeyRing(
            keys=DynamoApiKeys(session.client("dynamodb", **options), names.table(deployment)),
            meters=ApiGatewayMeters(session.client("apigateway", **options), deployment),
            clock=lambda: time.time_ns() // 1_000_000,
        )


def signing_secrets(deployment: str, *, emulator_url: str | None, key_id: str | None) -> SecretStore:
    """The secrets of a deployment's webhooks; as ``key_ring``. ``key_id`` as ``StoredSecrets`` has it."""
    with translated("connect to AWS"):
        session, options = _connection(emulator_url)
        return StoredSecrets(session.client("secretsmanager", **options), deployment, key_id=key_id)


def releases(deployment: str, *, emulator_url: str | None) -> Releases:
    """What the deployment's APIs were last deployed of; as ``key_ring``."""
    with translated("connect to AWS"):
        session, options = _connection(emulator_url)
        return StackReleases(session.client("ssm", **options), session.client("ecs", **options), deployment)


def registry(*, emulator_url: str | None) -> Registry:
    """ECR, in any region; as ``key_ring``."""
    with translated("connect to AWS"):
        session, options = _connection(emulator_url)
        return EcrRegistry(lambda region: session.client("ecr", region_name=region, **options))


def revisions(*, emulator_url: str | None) -> Revisions:
    """Task definitions and services; as ``key_ring``."""
    with translated("connect to AWS"):
        session, options = _connection(emulator_url)
        return EcsRevisions(session.client("ecs", **options))


def account(deployment: str, *, emulator_url: str | None) -> AwsAccount:
    """The account and region that a deployment is in; as ``key_ring``."""
    with translated("connect to AWS"):
        client = _clients(emulator_url, _PATIENT)
        # What needs no answer of AWS fails here already: no region, or no such profile.
        client("cloudformation")
        return AwsAccount(
            client,
            deployment,
            auto_scaling=emulator_url is None,
            clock=time.monotonic,
            sleep=time.sleep,
        )


def facts(*, emulator_url: str | None) -> AwsFacts:
    """What the account of the credentials answers, or an emulator; as ``key_ring``."""
    with translated("connect to AWS"):
        client = _clients(emulator_url, _SOON)
        client("sts")
        return AwsFacts(client)


def _clients(emulator_url: str | None, config: Config) -> Callable[[str], Any]:
    """What makes a client of a service, once for each."""
    session, options = _connection(emulator_url)
    merged = {**options, "config": options["config"].merge(config)}
    return cache(lambda service: session.client(service, **merged))


def _connection(emulator_url: str | None) -> tuple[boto3.Session, dict[str, Any]]:
    if emulator_url is None:
        return boto3.Session(), {"config": Config(retries={"mode": "standard"})}
    # A proxy of the environment would be asked even for this machine's own addresses.
    return emulator.session(), {"endpoint_url": emulator_url, "config": Config(proxies={})}
