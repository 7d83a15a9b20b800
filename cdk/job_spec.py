"""The file with what its job is, beside the containers of a task for jobs: Cortex's ``job.json``.

A container of its own writes it into a volume, and the user's containers start when it has done so.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from aws_cdk import aws_ecs as ecs

from cdk import sidecar
from penstock.config import BatchApi

if TYPE_CHECKING:
    from penstock.config import AsyncApi

_FOLDER = str(PurePosixPath(sidecar.JOB_SPEC_FILE).parent)

_Definition = ecs.CfnTaskDefinition


def volumes(api: AsyncApi | BatchApi) -> list[_Definition.VolumeProperty] | None:
    """The volume, if the task is for jobs."""
    return [_Definition.VolumeProperty(name=sidecar.JOB_SPEC)] if isinstance(api, BatchApi) else None


def mounts(api: AsyncApi | BatchApi, *, read_only: bool) -> list[_Definition.MountPointProperty] | None:
    """Where a container has the volume, if there is one."""
    if not isinstance(api, BatchApi):
        return None
    mount = _Definition.MountPointProperty(
        source_volume=sidecar.JOB_SPEC, container_path=_FOLDER, read_only=read_only
    )
    return [mount]


def awaited(api: AsyncApi | BatchApi) -> list[_Definition.ContainerDependencyProperty] | None:
    """What the user's containers wait for before they start."""
    if not isinstance(api, BatchApi):
        return None
    written = _Definition.ContainerDependencyProperty(container_name=sidecar.JOB_SPEC, condition="SUCCESS")
    return [written]


def variables(api: AsyncApi | BatchApi) -> dict[str, str]:
    """Where the user's containers find the file."""
    return {"PENSTOCK_JOB_SPEC": sidecar.JOB_SPEC_FILE} if isinstance(api, BatchApi) else {}
