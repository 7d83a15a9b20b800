"""The ``SigningSecrets`` and ``SecretStore`` ports on Secrets Manager.

Secrets Manager keeps the value before the present one by itself, as ``AWSPREVIOUS``: a rotation is one
write, and both are valid until the present one is a day old.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from botocore.exceptions import ClientError

from penstock import names
from penstock.aws.faults import code_of, translated
from penstock.webhooks import signature
from penstock.webhooks.ports import NoSecret, SecretExists

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_secretsmanager import SecretsManagerClient

#: How long the secret before is signed with as well: receivers take the new one over meanwhile.
OVERLAP_SECONDS = 24 * 3600

#: A function asks again after this long, so a new secret is used soon after.
_REMEMBERED_SECONDS = 30

_ABSENT = "ResourceNotFoundException"


class _Encryption(TypedDict, total=False):
    KmsKeyId: str


class StoredSecrets:
    """One secret per API."""

    def __init__(self, client: SecretsManagerClient, deployment: str, *, key_id: str | None = None) -> None:
        """``key_id`` is the KMS key that new secrets are encrypted with, None for AWS's own."""
        self._client = client
        self._encryption: _Encryption = {"KmsKeyId": key_id} if key_id else {}
        self._deployment = deployment
        self._remembered: dict[str, tuple[int, Sequence[str]]] = {}

    def of(self, api: str, *, now_ms: int) -> Sequence[str]:
        """See ``SigningSecrets.of``."""
        until_ms, secrets = self._remembered.get(api, (0, ()))
        if until_ms <= now_ms:
            secrets = self.valid(api, now_ms=now_ms)
            self._remembered[api] = (now_ms + _REMEMBERED_SECONDS * 1000, secrets)
        return secrets

    def valid(self, api: str, *, now_ms: int) -> Sequence[str]:
        """What is valid now, as Secrets Manager has it; the present one first."""
        with translated("read the webhook's secret"):
            current = self._stored(api, "AWSCURRENT")
            if current is None:
                return ()
            secret, created_ms = current
            if now_ms >= created_ms + OVERLAP_SECONDS * 1000:
                return (secret,)
            previous = self._stored(api, "AWSPREVIOUS")
            return (secret, previous[0]) if previous is not None else (secret,)

    def create(self, api: str) -> str:
        """Make the API's first secret; ``SecretExists``."""
        secret = signature.new_secret()
        with translated("create the webhook's secret"):
            try:
                self._client.create_secret(
                    Name=names.webhook_secret(self._deployment, api),
                    SecretString=secret,
                    Description=f"Signs the webhooks of API {api}",
                    **self._encryption,
                )
            except ClientError as error:
                if code_of(error) == "ResourceExistsException":
                    raise SecretExists(api) from error
                raise
        return secret

    def rotate(self, api: str) -> str:
        """Replace the secret; the one before stays valid for ``OVERLAP_SECONDS``. ``NoSecret``."""
        secret = signature.new_secret()
        with translated("rotate the webhook's secret"):
            try:
                self._client.put_secret_value(
                    SecretId=names.webhook_secret(self._deployment, api), SecretString=secret
                )
            except ClientError as error:
                if code_of(error) == _ABSENT:
                    raise NoSecret(api) from error
                raise
        return secret

    def _stored(self, api: str, stage: str) -> tuple[str, int] | None:
        try:
            answer = self._client.get_secret_value(
                SecretId=names.webhook_secret(self._deployment, api), VersionStage=stage
            )
        except ClientError as error:
            if code_of(error) == _ABSENT:
                return None
            raise
        return answer["SecretString"], round(answer["CreatedDate"].timestamp() * 1000)
