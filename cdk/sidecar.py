"""What the dequeuer beside an API's containers is told, whatever runs the two."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from aws_cdk import Aws

from penstock import names
from penstock.config.prefetch import SHARED_FOLDER

if TYPE_CHECKING:
    from cdk.stage import Stage
    from penstock.config import AsyncApi, BatchApi, LivenessProbe, Probe

DEQUEUER = "dequeuer"

#: The container that writes what its job is into a file, before the user's containers start.
JOB_SPEC = "spec"
#: The file, where Cortex has it. Its folder is a volume that all containers of the task share.
JOB_SPEC_FILE = "/cortex/spec/job.json"

#: The container that downloads what the user's containers are to find in the folder all of them share.
PREFETCH = "prefetch"
#: The volume behind that folder, and what tells the containers where it is.
SHARED = "mnt"
SHARED_VARIABLE = "PENSTOCK_MNT"

#: A worker learns during its poll that its job is over, and leaves after it.
_JOB_POLL_SECONDS = 5

#: What the state machine tells both of a task that it runs.
JOB_ID = "PENSTOCK_JOB_ID"

#: Between the end of the drain and SIGKILL: what runs then is given back (R18).
_GIVING_BACK = timedelta(seconds=20)
#: A server that ignores SIGTERM must not keep its hardware for hours.
_MOST_WITHOUT_WORK = timedelta(minutes=2)


def of_requests(
    api: AsyncApi, *, deployment: str, queue_url: str, dead_letter_url: str, stage: Stage
) -> dict[str, str]:
    """The dequeuer's variables beside an API for requests."""
    told = of_jobs(api, deployment=deployment, dead_letter_url=dead_letter_url, stage=stage)
    return told | {"PENSTOCK_QUEUE_URL": queue_url, "PENSTOCK_POLL_SECONDS": str(stage.poll_seconds)}


def of_jobs(
    api: AsyncApi | BatchApi, *, deployment: str, dead_letter_url: str, stage: Stage
) -> dict[str, str]:
    """The dequeuer's variables beside an API for jobs: each job's queue stands in its record.

    Some values are tokens that CloudFormation fills in.
    """
    ready = [each.readiness_probe for each in api.pod.containers if each.readiness_probe]
    # Commands are run by ECS, in the container.
    alive = [each.liveness_probe for each in api.pod.containers if each.liveness_probe]
    asked = [probe for probe in alive if probe.exec is None]
    return _stores(api, deployment) | {
        "PENSTOCK_DEAD_LETTER_URL": dead_letter_url,
        "PENSTOCK_PORT": str(api.pod.port),
        "PENSTOCK_MAX_CONCURRENCY": str(api.pod.max_concurrency),
        "PENSTOCK_TIMEOUT_SECONDS": _seconds(api.timeout),
        "PENSTOCK_RETENTION_SECONDS": _seconds(api.retention),
        "PENSTOCK_MAX_ATTEMPTS": str(api.retries.attempts),
        "PENSTOCK_RETRY_ON": str(api.retries.retry_on),
        "PENSTOCK_RETRY_MIN_WAIT_SECONDS": _seconds(api.retries.min_wait),
        "PENSTOCK_RETRY_MAX_WAIT_SECONDS": _seconds(api.retries.max_wait),
        "PENSTOCK_READINESS_PROBES": json.dumps([_probe(probe) for probe in ready]),
        "PENSTOCK_LIVENESS_PROBES": json.dumps([_probe(probe) for probe in asked]),
        "PENSTOCK_DRAIN_SECONDS": _seconds(api.pod.stop_timeout - _GIVING_BACK),
        "PENSTOCK_POLL_SECONDS": str(min(_JOB_POLL_SECONDS, stage.poll_seconds)),
    }


def of_job_spec(api: BatchApi, *, deployment: str) -> dict[str, str]:
    """The variables of the container that writes the file."""
    return _stores(api, deployment) | {"PENSTOCK_JOB_SPEC": JOB_SPEC_FILE}


def of_prefetch(api: AsyncApi | BatchApi) -> dict[str, str]:
    """The variables of the container that downloads."""
    wanted = [{"bucket": each.bucket, "key": each.key, "path": each.path} for each in api.pod.prefetch]
    return {
        "AWS_DEFAULT_REGION": Aws.REGION,
        "PENSTOCK_API": api.name,
        SHARED_VARIABLE: SHARED_FOLDER,
        "PENSTOCK_PREFETCH": json.dumps(wanted),
    }


def _stores(api: AsyncApi | BatchApi, deployment: str) -> dict[str, str]:
    return {
        # boto reads this name only; not every way of running ECS tasks sets it.
        "AWS_DEFAULT_REGION": Aws.REGION,
        "PENSTOCK_DEPLOYMENT": deployment,
        "PENSTOCK_API": api.name,
        "PENSTOCK_TABLE": names.table(deployment),
        "PENSTOCK_BUCKET": names.bucket(deployment, account=Aws.ACCOUNT_ID, region=Aws.REGION),
    }


def stop_seconds(api: AsyncApi | BatchApi) -> int:
    """How long the API's dequeuer has from SIGTERM to SIGKILL."""
    return api.pod.stop_timeout // timedelta(seconds=1)


def container_stop_seconds(api: AsyncApi | BatchApi) -> int:
    """The same for the user's containers. They are stopped when the dequeuer has ended: nothing runs then."""
    return min(stop_seconds(api), _MOST_WITHOUT_WORK // timedelta(seconds=1))


def _seconds(duration: timedelta) -> str:
    return str(duration // timedelta(seconds=1))


def _probe(probe: Probe | LivenessProbe) -> dict[str, str | int]:
    if probe.http_get is not None:
        target: dict[str, str | int] = {
            "kind": "http_get",
            "port": probe.http_get.port,
            "path": probe.http_get.path,
        }
    else:
        assert probe.tcp_socket is not None
        target = {"kind": "tcp_socket", "port": probe.tcp_socket.port}
    return target | probe.model_dump(exclude={"http_get", "tcp_socket", "exec"})
