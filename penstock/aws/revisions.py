"""The ``Revisions`` port on ECS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from penstock.aws.faults import code_of, translated
from penstock.revisions import Revision

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

    from penstock.revisions import Place

#: Tag of a copy, with the number of the revision that it repeats.
COPY_OF = "penstock:copy-of"

#: What ECS adds to what was registered.
_ADDED = frozenset(
    {
        "compatibilities",
        "deregisteredAt",
        "registeredAt",
        "registeredBy",
        "requiresAttributes",
        "revision",
        "status",
        "taskDefinitionArn",
        "deleteRequestedAt",
    }
)

#: How ECS says that a family, a service or a cluster is not there.
_ABSENT = frozenset({"ClientException", "ClusterNotFoundException", "ServiceNotFoundException"})


class EcsRevisions:
    """Task definitions of one region; the operator may register them and pass their roles on."""

    def __init__(self, client: ECSClient) -> None:
        self._client = client

    def current(self, place: Place) -> int | None:
        """See ``Revisions.current``."""
        with translated("look at what runs"):
            try:
                if place.service is None:
                    found = self._client.describe_task_definition(taskDefinition=place.family)
                    return found["taskDefinition"]["revision"]
                services = self._client.describe_services(cluster=place.cluster, services=[place.service])
            except ClientError as error:
                if code_of(error) in _ABSENT:
                    return None
                raise
        live = [one for one in services["services"] if one.get("status") != "INACTIVE"]
        return _number(live[0]["taskDefinition"]) if live else None

    def history(self, place: Place, *, below: int) -> list[int]:
        """See ``Revisions.history``."""
        found: set[int] = set()
        with translated("list revisions"):
            for status in ("ACTIVE", "INACTIVE"):
                pages = self._client.get_paginator("list_task_definitions").paginate(
                    familyPrefix=place.family, status=status, sort="DESC"
                )
                arns = [arn for page in pages for arn in page["taskDefinitionArns"]]
                # AWS takes the prefix for the whole name; whoever does not must not mix families.
                found |= {
                    _number(arn) for arn in arns if arn.rpartition("/")[2].startswith(f"{place.family}:")
                }
        return sorted((number for number in found if number < below), reverse=True)

    def read(self, place: Place, number: int) -> Revision | None:
        """See ``Revisions.read``."""
        described = self._described(place, number)
        if described is None:
            return None
        definition = described["taskDefinition"]
        tags = {tag["key"]: tag["value"] for tag in described.get("tags", [])}
        return Revision(
            number=number,
            active=definition.get("status") == "ACTIVE",
            images={one["name"]: one["image"] for one in definition["containerDefinitions"]},
            registered_at=definition.get("registeredAt"),
            copy_of=int(tags[COPY_OF]) if COPY_OF in tags else None,
        )

    def roll_out(self, place: Place, revision: Revision) -> int:
        """See ``Revisions.roll_out``."""
        number = revision.number
        with translated("go back"):
            # The latest revision is what the state machine takes, so there it is always a copy.
            if place.service is None or not revision.active:
                number = self._copied(place, revision)
            if place.service is not None:
                # No desired count: scaling's stays.
                self._client.update_service(
                    cluster=place.cluster,
                    service=place.service,
                    taskDefinition=f"{place.family}:{number}",
                )
        return number

    def _copied(self, place: Place, revision: Revision) -> int:
        described = self._described(place, revision.number)
        assert described is not None, "it was read a moment ago"
        registered = {key: value for key, value in described["taskDefinition"].items() if key not in _ADDED}
        kept = [
            tag
            for tag in described.get("tags", [])
            if not tag["key"].startswith("aws:") and tag["key"] != COPY_OF
        ]
        tags = [*kept, {"key": COPY_OF, "value": str(revision.origin)}]
        made = self._client.register_task_definition(**registered, tags=tags)
        return made["taskDefinition"]["revision"]

    def _described(self, place: Place, number: int) -> Any:
        with translated(f"read revision {number}"):
            try:
                return self._client.describe_task_definition(
                    taskDefinition=f"{place.family}:{number}", include=["TAGS"]
                )
            except ClientError as error:
                if code_of(error) in _ABSENT:
                    return None
                raise


def _number(arn: str) -> int:
    return int(arn.rpartition(":")[2])
