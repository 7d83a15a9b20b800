"""Every call of a port that stands in the product's source, found by reading it.

The simulation finds its points while it runs. What it never reaches it cannot know of, so the
source is asked as well.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock import overview, ports
from penstock.batch import belongings
from penstock.batch import ports as jobs
from tests.simulation.points import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

#: By the names that the product gives them.
_PORTS: dict[str, tuple[type, ...]] = {
    "ledger": (ports.Ledger,),
    "source": (ports.Source,),
    "streams": (ports.Streams,),
    "records": (ports.Records,),
    "objects": (ports.Objects,),
    "outbox": (ports.Outbox, jobs.JobOutbox),
    "copies": (ports.Copies,),
    "directory": (overview.Directory,),
    "jobs": (jobs.Jobs, jobs.WorkerJobs),
    "parts": (jobs.JobParts,),
    "bodies": (ports.Objects,),
    "sender": (jobs.JobSender,),
    "ranges": (jobs.Ranges,),
    "queues": (belongings.JobQueues,),
    "timers": (belongings.Timers,),
    "dead_letters": (belongings.DeadLetterQueues,),
}


@dataclass(frozen=True, slots=True)
class Site:
    """A statement that calls a port."""

    file: str
    first_line: int
    last_line: int
    #: Port and method: ``ledger.apply``.
    call: str


def sites_in(file: str) -> Iterator[Site]:
    """All of one file below the repository's root."""
    tree = ast.parse((ROOT / file).read_text())
    for statement in ast.walk(tree):
        if not isinstance(statement, ast.stmt) or isinstance(statement, ast.FunctionDef | ast.ClassDef):
            continue
        for node in _own_expressions(statement):
            call = _port_method(node)
            if call is not None:
                yield Site(file, statement.lineno, statement.end_lineno or statement.lineno, call)


def _own_expressions(statement: ast.stmt) -> Iterator[ast.AST]:
    """What belongs to the statement itself and not to another one inside of it."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        for child in ast.iter_child_nodes(waiting.pop()):
            if not isinstance(child, ast.stmt):
                yield child
                waiting.append(child)


def _port_method(node: ast.AST) -> str | None:
    """``self._ports.ledger.apply`` is ``ledger.apply``, wherever it is called or handed on."""
    if not isinstance(node, ast.Attribute):
        return None
    holder = node.value
    name = holder.attr if isinstance(holder, ast.Attribute) else getattr(holder, "id", "")
    methods = {
        method
        for port in _PORTS.get(name.lstrip("_"), ())
        for method, _ in inspect.getmembers(port, inspect.isfunction)
    }
    return f"{name.lstrip('_')}.{node.attr}" if node.attr in methods else None


def lines_of(site: Site) -> range:
    """The lines that it stands on."""
    return range(site.first_line, site.last_line + 1)
