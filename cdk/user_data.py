"""What an instance does when it starts first: it tells the ECS agent what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.config import Ec2, Pod


def script(pod: Pod, capacity: Ec2, *, cluster: str) -> str:
    """A shell script. Which cluster it is may be a token that CloudFormation fills in."""
    settings = {
        "ECS_CLUSTER": cluster,
        # Tasks have the rights of their own role, and none of the instance's.
        "ECS_AWSVPC_BLOCK_IMDS": "true",
        # What was pulled before is there already. ECS names images by digest, so it is the same.
        "ECS_IMAGE_PULL_BEHAVIOR": "prefer-cached",
        **({"ECS_ENABLE_GPU_SUPPORT": "true"} if pod.gpus else {}),
        # Tasks get their SIGTERM when Spot gives notice.
        **({"ECS_ENABLE_SPOT_INSTANCE_DRAINING": "true"} if capacity.spot_percent else {}),
        # Else it would join the cluster when it gets into the pool, and be gone a moment later.
        **({"ECS_WARM_POOLS_CHECK": "true"} if capacity.warm_pool else {}),
    }
    lines = "\n".join(f"{name}={value}" for name, value in settings.items())
    return f"#!/bin/bash\ncat >> /etc/ecs/ecs.config <<'END'\n{lines}\nEND\n"
