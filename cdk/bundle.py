"""Lambda code, put together without Docker and without the network.

The content depends on the sources and the pinned distributions alone, so the asset's hash is the
same on every machine, and a deploy without a change uploads nothing.
"""

from __future__ import annotations

import importlib.metadata
import shutil
from dataclasses import dataclass, field
from email.parser import Parser
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import grimp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.metadata import Distribution


class NotPortable(Exception):
    """A distribution holds compiled code for this machine, or cannot be copied.

    Such code must be built for the function's platform; this bundler only copies what runs anywhere.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What a function's code consists of."""

    #: The module that Lambda imports; what it imports in turn is found from there.
    entry: str
    #: First-party packages to look into. An import of any other is not followed.
    packages: Sequence[str]
    #: Distributions from the installed environment, taken whole.
    distributions: Sequence[str]
    #: Files written at deployment: path in the bundle to text.
    files: Mapping[str, str] = field(default_factory=dict)


def write(bundle: Bundle, *, root: Path, target: Path) -> Path:
    """Put the bundle together in a folder, which is emptied first."""
    shutil.rmtree(target, ignore_errors=True)
    for module in sorted(first_party(bundle)):
        source = _source(root, module)
        _copy(source, target / source.relative_to(root))
    for name in bundle.distributions:
        for source, destination in _portable_files(importlib.metadata.distribution(name)):
            _copy(source, target / destination)
    for path, text in bundle.files.items():
        (target / path).write_text(text)
    return target


def first_party(bundle: Bundle) -> frozenset[str]:
    """The entry's modules, with all packages above them, which Python imports as well."""
    graph = _imports(*bundle.packages)
    found: set[str] = set()
    pending = {bundle.entry}
    while pending:
        module = pending.pop()
        found.add(module)
        parent = module.rpartition(".")[0]
        reached = graph.find_modules_directly_imported_by(module) | ({parent} if parent else set())
        pending |= reached - found
    return frozenset(found)


@cache
def _imports(*packages: str) -> grimp.ImportGraph:
    """Functions of the same packages are bundled one after the other."""
    return grimp.build_graph(*packages, exclude_type_checking_imports=True, cache_dir=None)


def _source(root: Path, module: str) -> Path:
    path = root.joinpath(*module.split("."))
    package = path / "__init__.py"
    return package if package.exists() else path.with_suffix(".py")


def _portable_files(distribution: Distribution) -> Iterator[tuple[Path, PurePosixPath]]:
    wheel = Parser().parsestr(distribution.read_text("WHEEL") or "")
    if wheel["Root-Is-Purelib"] != "true" or distribution.files is None:
        raise NotPortable(
            f"{distribution.name} is not a wheel of pure Python: build it for the function's platform "
            "(pip download --platform manylinux2014_aarch64 --only-binary :all:) and bundle that"
        )
    for file in distribution.files:
        if _wanted(file):
            yield Path(str(distribution.locate_file(file))), file


def _wanted(file: PurePosixPath) -> bool:
    if ".." in file.parts or file.suffix == ".pyc":
        return False  # scripts beside the environment's Python, and bytecode of this machine's
    if not file.parts[0].endswith(".dist-info"):
        return True
    # Licences must travel with the code, and entry points are how some libraries find their own parts;
    # the rest of the metadata describes the installation.
    if file.name in {"METADATA", "entry_points.txt"}:
        return True
    return file.name.upper().startswith(("LICEN", "NOTICE", "COPYING"))


def _copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, destination)
