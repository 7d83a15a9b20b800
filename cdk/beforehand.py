"""What lies ready when the user's containers start, and the containers that bring it there.

In a task for jobs that is Cortex's ``job.json``; in any task what is prefetched from S3. Each has a volume,
a container that fills it and ends, and the user's containers start when it has done so. The shared
folder is there without a prefetch as well, empty, if there are several containers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from aws_cdk import aws_ecs as ecs

from cdk import sidecar
from penstock.config import BatchApi
from penstock.config.prefetch import SHARED_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.config import AsyncApi

_Definition = ecs.CfnTaskDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A folder that containers of a task have in common."""

    name: str
    folder: str
    #: How the user's containers are told where it is.
    variable: tuple[str, str]
    #: Whether the user's containers may only read.
    read_only: bool

    def mount(self, *, read_only: bool) -> _Definition.MountPointProperty:
        """Where a container has it."""
        return _Definition.MountPointProperty(
            source_volume=self.name, container_path=self.folder, read_only=read_only
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Init:
    """A container of the dequeuer's image that ends before the user's containers start."""

    name: str
    #: The Python module it runs.
    module: str
    #: The volume it fills.
    volume: Volume
    memory_mib: int
    environment: Mapping[str, str]


#: An interpreter with one client for AWS; and one whose streams are on their way besides.
_SPEC_MIB = 128
_PREFETCH_MIB = 256

_SPEC = Volume(
    name=sidecar.JOB_SPEC,
    folder=str(PurePosixPath(sidecar.JOB_SPEC_FILE).parent),
    variable=("PENSTOCK_JOB_SPEC", sidecar.JOB_SPEC_FILE),
    read_only=True,
)
_SHARED = Volume(
    name=sidecar.SHARED,
    folder=SHARED_FOLDER,
    variable=(sidecar.SHARED_VARIABLE, SHARED_FOLDER),
    read_only=False,
)


def shared(api: AsyncApi | BatchApi) -> list[Volume]:
    """The volumes of the task."""
    return [*([_SHARED] if api.pod.shares_folder else []), *([_SPEC] if isinstance(api, BatchApi) else [])]


def inits(api: AsyncApi | BatchApi, *, deployment: str) -> list[Init]:
    """The containers that bring what lies in them."""
    found = []
    if api.pod.prefetch:
        found.append(
            Init(
                name=sidecar.PREFETCH,
                module="dequeuer.prefetch",
                volume=_SHARED,
                memory_mib=_PREFETCH_MIB,
                environment=sidecar.of_prefetch(api),
            )
        )
    if isinstance(api, BatchApi):
        found.append(
            Init(
                name=sidecar.JOB_SPEC,
                module="dequeuer.job_spec",
                volume=_SPEC,
                memory_mib=_SPEC_MIB,
                environment=sidecar.of_job_spec(api, deployment=deployment),
            )
        )
    return found


def volumes(api: AsyncApi | BatchApi) -> list[_Definition.VolumeProperty] | None:
    """The same for the task definition."""
    return [_Definition.VolumeProperty(name=volume.name) for volume in shared(api)] or None


def mounts(api: AsyncApi | BatchApi) -> list[_Definition.MountPointProperty] | None:
    """Where the user's containers have them."""
    return [volume.mount(read_only=volume.read_only) for volume in shared(api)] or None


def awaited(api: AsyncApi | BatchApi) -> list[_Definition.ContainerDependencyProperty] | None:
    """What the user's containers wait for. ECS sets no limit to it, and so a large model has its time."""
    return [
        _Definition.ContainerDependencyProperty(container_name=name, condition="SUCCESS")
        for name in (
            *([sidecar.PREFETCH] if api.pod.prefetch else []),
            *([sidecar.JOB_SPEC] if isinstance(api, BatchApi) else []),
        )
    ] or None


def variables(api: AsyncApi | BatchApi) -> dict[str, str]:
    """Where the user's containers find the folders."""
    return dict(volume.variable for volume in shared(api))
