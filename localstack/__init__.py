"""Local development: the embedded emulator, the real stacks in it, and an agent in the place of ECS."""

from __future__ import annotations

from localstack.options import Options
from localstack.task_pair import PairState, PairView
from localstack.up import LocalStack, running

__all__ = ["LocalStack", "Options", "PairState", "PairView", "running"]
