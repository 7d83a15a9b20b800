"""Where faults can be injected: every call of a port, told apart by the line that makes it.

Points are found by looking who calls, not from a list, so a call that is added to the product
tomorrow is a point of its own from its first run on.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import CodeType, FrameType

ROOT = Path(__file__).parents[2]
#: Packages whose calls are points; the rest of a call's stack is plumbing.
PRODUCT = ("batch_lambda", "dequeuer", "gateway_lambda", "recovery_lambda", "penstock")
#: What only hands calls on: the simulated services, and the dequeuer's view of its stores.
_PLUMBING = (
    ROOT / "penstock" / "testing",
    ROOT / "dequeuer" / "watched.py",
    ROOT / "dequeuer" / "batch" / "watched.py",
)


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """One call in one place. There is one object per point: they are compared by identity."""

    #: Kind of process: worker, gateway …
    actor: str
    #: File below the repository's root, function and line; empty where the caller is no code of ours.
    file: str
    function: str
    line: int
    #: Port and method, and the move if it is a transition: ``ledger.apply:claim``.
    call: str

    @property
    def label(self) -> str:
        """How the point reads in traces and tables."""
        return f"{self.actor} {self.function or '-'} {self.call}"

    @property
    def key(self) -> tuple[str, str, str, int, str]:
        """The same in every process."""
        return self.actor, self.file, self.function, self.line, self.call


_points: dict[tuple[str, CodeType | None, int, str], Point] = {}
_files: dict[str, str | None] = {}


def here(actor: str, call: str) -> Point:
    """The point of the product's line that is now calling a port."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _file(frame.f_code.co_filename) is None:
        frame = frame.f_back
    code, line = (None, 0) if frame is None else (frame.f_code, frame.f_lineno)
    point = _points.get((actor, code, line, call))
    if point is None:
        file = "" if code is None else _file(code.co_filename) or ""
        point = Point(actor, file, "" if code is None else code.co_qualname, line, call)
        _points[actor, code, line, call] = point
    return point


def _file(name: str) -> str | None:
    if name not in _files:
        path = Path(name)
        ours = path.is_relative_to(ROOT) and not any(path.is_relative_to(part) for part in _PLUMBING)
        relative = path.relative_to(ROOT).as_posix() if ours else ""
        _files[name] = relative if relative.partition("/")[0] in PRODUCT else None
    return _files[name]
