"""What an API was deployed of, left for ``penstock promote`` where its stack keeps it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from penstock import names
from penstock.config import AsyncApi
from penstock.promotion.releases import Release, without_sources

if TYPE_CHECKING:
    from cdk.task import Task
    from penstock.config import BatchApi

#: SSM takes 8 KB; the rest is for images, whose names AWS completes.
LONGEST_SECTION_CHARACTERS = 5000


class TooLong(ValueError):
    """An API's entry of the configuration is longer than what SSM keeps; the text names the API."""


class ReleaseRecord(Construct):
    """A parameter that changes with each deploy that changes the API."""

    def __init__(
        self, scope: Construct, id_: str, *, deployment: str, api: AsyncApi | BatchApi, task: Task
    ) -> None:
        super().__init__(scope, id_)
        section = without_sources(api.written)
        length = len(json.dumps(section, separators=(",", ":")))
        if length > LONGEST_SECTION_CHARACTERS:
            raise TooLong(
                f"the entry of {api.name} in the configuration has {length} characters as JSON, and at most "
                f"{LONGEST_SECTION_CHARACTERS} can be kept for `penstock promote`: move long values of env "
                "into a parameter or secret, or into the image"
            )
        release = Release(
            section=section,
            images=task.images,
            cluster=api.cluster(deployment),
            service=names.service(api.name) if isinstance(api, AsyncApi) else None,
            task_definition=task.definition.ref,
        )
        ssm.CfnParameter(
            self,
            "Parameter",
            name=names.release(deployment, api.name),
            type="String",
            # Up to 4 KB cost nothing, and few are longer.
            tier="Intelligent-Tiering",
            value=Stack.of(self).to_json_string(release.members()),
            description=f"What {api.name} was last deployed of, for penstock promote",
        )
