"""One stream out of the logs of all processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localstack.logs import LogFollower

if TYPE_CHECKING:
    from localstack.logs import LogSink
    from localstack.task_pair import PairView


class PairLogs:
    """Follows the two logs of each pair."""

    def __init__(self, sink: LogSink) -> None:
        self._sink = sink
        self._followers: dict[tuple[str, str], LogFollower] = {}

    def show_new(self, pair: PairView) -> None:
        """Hand over the lines a pair has written since the last time."""
        for role, log in (("server", pair.server_log), ("dequeuer", pair.dequeuer_log)):
            follower = self._followers.setdefault((pair.task_arn, role), LogFollower(log))
            self._show(pair, role, follower.new_lines())

    def show_last(self, pair: PairView) -> None:
        """Hand over all there is of a pair that has ended."""
        self.show_new(pair)
        for role in ("server", "dequeuer"):
            self._show(pair, role, self._followers.pop((pair.task_arn, role)).last_line())

    def _show(self, pair: PairView, role: str, lines: list[str]) -> None:
        source = f"{pair.task_arn.rsplit('/', 1)[-1][:8]}/{role}"
        for line in lines:
            self._sink(pair.api, source, line)
