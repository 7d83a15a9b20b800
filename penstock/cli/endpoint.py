"""Where the server's URL comes from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "PENSTOCK_URL"
#: Written by `make local` in the folder it was started in.
FILE = Path(".penstock") / "endpoint.json"

#: To whoever cannot reach a stack that the file tells of.
KILLED = "If `make local` was killed: start it again, or remove what it left by `make local-down`."

_REMEDY = "Delete it and run `make local` again, or give --url."


class NoEndpoint(Exception):
    """No URL was given and none was found; the text names the places to put one."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL, not checked yet, and who said so."""

    url: str
    origin: str
    #: Whether `make local` said so: it may have been killed since.
    local: bool = False


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A stack that `make local` keeps up."""

    deployment: str
    aws_endpoint_url: str


def local_stack(folder: Path) -> LocalStack | None:
    """The running stack of this folder or the nearest one above; None if there is none.

    Raises NoEndpoint if its file cannot be used.
    """
    path = next(filter(_exists, _candidates(folder)), None)
    if path is None:
        return None
    document = _read(path)
    return LocalStack(_text(document, "deployment", path), _text(document, "aws_endpoint_url", path))


def find(option: str | None, *, environ: Mapping[str, str], folder: Path) -> Endpoint:
    """The URL of the option, the environment or the nearest endpoint file, in this order.

    Raises NoEndpoint.
    """
    if option is not None:
        return Endpoint(option, "--url")
    if environ.get(VARIABLE):
        return Endpoint(environ[VARIABLE], VARIABLE)
    for path in _candidates(folder):
        if _exists(path):
            return Endpoint(_text(_read(path), "url", path), str(path), local=True)
    raise NoEndpoint(
        f"The server's URL is not known. Give --url URL, or set {VARIABLE}, "
        f"or run `make local`, which writes {FILE}, in this folder or one above."
    )


def _candidates(folder: Path) -> Iterator[Path]:
    try:
        here = folder.absolute()
    except FileNotFoundError:
        # The current folder was deleted under us, so nothing is in it.
        return
    for place in (here, *here.parents):
        yield place / FILE


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # A folder above that may not be looked into was not written by `make local`.
        return False


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise NoEndpoint(f"{path} cannot be read: {error.strerror}. Give --url instead.") from error
    except (ValueError, RecursionError) as error:
        raise NoEndpoint(f"{path} is not JSON. {_REMEDY}") from error


def _text(document: Any, name: str, path: Path) -> str:
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, str):
        raise NoEndpoint(f'{path} has no text "{name}". {_REMEDY}')
    return value
