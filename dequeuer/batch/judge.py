"""What an attempt's end means, of a batch and of the hook alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from penstock.outcomes import (
    Answered,
    End,
    GiveBack,
    Retry,
    Situation,
    Trouble,
    Unanswered,
    verdict_on,
)
from penstock.retry_after import retry_after_seconds

if TYPE_CHECKING:
    from dequeuer.batch.run import Job, Ports
    from dequeuer.container import Response

Verdict = End | Retry | GiveBack


class Judge:
    """Decides by the API's policy, with the job's number of attempts."""

    def __init__(self, job: Job, ports: Ports) -> None:
        self._job = job
        self._ports = ports

    def answered(self, response: Response, attempt: int) -> Verdict:
        """On an answer, whose body may still be on its way."""
        asked = retry_after_seconds(response.headers.get("retry-after", ""), now_ms=self._ports.clock())
        return verdict_on(Answered(response.status_code, asked), self._situation(attempt))

    def unanswered(self, trouble: Trouble, detail: str, attempt: int) -> Verdict:
        """On no answer, or half of one."""
        if trouble is Trouble.UNREACHABLE:
            self._ports.on_unreachable()
        return verdict_on(Unanswered(trouble, detail), self._situation(attempt))

    def _situation(self, attempt: int) -> Situation:
        return Situation(
            policy=self._job.policy,
            attempt=attempt,
            # The job's own time limit ends the job as a whole.
            remaining_seconds=math.inf,
            jitter=self._ports.chance(),
        )
