"""Which key the data is encrypted with."""

from typing import Annotated

from pydantic import AfterValidator, Field

from penstock import names
from penstock.config import aws_ids
from penstock.config.section import Section

#: A key of the deployment's own.
CREATE = "create"


def _key(value: str) -> str:
    return value if value == CREATE else aws_ids.key_arn(value)


class Encryption(Section):
    """Which key records, bodies, messages, events and logs are encrypted with."""

    kms_key: (
        Annotated[
            str,
            AfterValidator(_key),
            Field(json_schema_extra={"pattern": f"^({CREATE}|{aws_ids.KEY_ARN_PATTERN})$"}),
        ]
        | None
    ) = None
    """`create` for a KMS key of the deployment's own, or the ARN of one of yours. Default: AWS's own keys."""

    def key_id(self, deployment: str) -> str | None:
        """What AWS's APIs take for the key; None for keys of AWS's own."""
        return names.key_alias(deployment) if self.creates_key else self.kms_key

    @property
    def creates_key(self) -> bool:
        """Whether the key is the deployment's own."""
        return self.kms_key == CREATE
