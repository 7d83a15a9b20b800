"""Environment variables of the two processes of a task."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localstack.servers import LocalServer

#: The dequeuer reads these: the port of the server beside it, and the ports it waits for.
PORT_VARIABLE = "PENSTOCK_PORT"
PROBES_VARIABLES = ("PENSTOCK_READINESS_PROBES", "PENSTOCK_LIVENESS_PROBES")
#: Where it tells its health: in the cloud each task has a loopback of its own, here all share one.
HEALTH_VARIABLE = "PENSTOCK_HEALTH_PORT"

#: Where the job's specification lies, for tasks of jobs.
JOB_SPEC_VARIABLE = "PENSTOCK_JOB_SPEC"

#: The folder that all containers of the task share, if they do.
SHARED_VARIABLE = "PENSTOCK_MNT"

# A developer wants to see a line when it is printed, not when a buffer is full.
_UNBUFFERED = {"PYTHONUNBUFFERED": "1"}

# In a container a server listens on all interfaces; a developer's machine has neighbours.
_LOOPBACK = {"HOST": "127.0.0.1"}


def server_environment(server: LocalServer, *, port: int, base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of one server process."""
    # CORTEX_PORT is what containers made for Cortex read, PORT what most frameworks do.
    ports = dict.fromkeys((PORT_VARIABLE, "CORTEX_PORT", "PORT"), str(port))
    return {**base, **_UNBUFFERED, **_LOOPBACK, **server.env, **ports}


def dequeuer_environment(
    defined: Mapping[str, str], server: LocalServer, *, port: int, health_port: int, base: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of one dequeuer: the task definition's, moved to this machine.

    What the base says of AWS wins over the task definition: endpoint, credentials and region.
    """
    moved = {PORT_VARIABLE: str(port), HEALTH_VARIABLE: str(health_port)}
    for variable in PROBES_VARIABLES:
        if variable in defined:
            moved[variable] = _moved_probes(defined[variable], old_port=server.port, new_port=port)
    aws = {name: value for name, value in base.items() if name.startswith("AWS_")}
    return {**base, **_UNBUFFERED, **defined, **aws, **moved}


def _moved_probes(probes: str, *, old_port: int, new_port: int) -> str:
    # Any other port is that of another container of the task, which does not run here.
    listed: list[dict[str, Any]] = json.loads(probes)
    return json.dumps(
        [{**probe, "port": new_port} if probe["port"] == old_port else probe for probe in listed]
    )
