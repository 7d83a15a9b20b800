"""The ``Topic`` port on SNS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.aws.faults import translated
from penstock.webhooks.events import Kind

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef

    from penstock.webhooks.events import Event


class SnsTopic:
    """A standard topic; subscribers filter by the attributes."""

    def __init__(self, client: SNSClient, arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, event: Event) -> None:
        """See ``Topic.publish``."""
        subject = {Kind.REQUEST: "request_id", Kind.JOB: "job_id"}.get(event.kind)
        values = {
            "event_id": event.id,
            "type": event.type,
            "kind": event.kind.value,
            "api": event.api,
            "status": event.status,
            **({subject: event.subject} if subject else {}),
        }
        with translated("publish event"):
            self._client.publish(
                TopicArn=self._arn,
                Message=event.body,
                MessageAttributes={name: _attribute(value) for name, value in values.items()},
            )


def _attribute(value: str) -> MessageAttributeValueTypeDef:
    return {"DataType": "String", "StringValue": value}
