"""Where the server's URL comes from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "PENSTOCK_URL"
#: Written by `make local` in the folder it was started in.
FILE = Path(".penstock") / "endpoint.json"


class NoEndpoint(Exception):
    """No URL was given and none was found; the text names the places to put one."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL, not checked yet, and who said so."""

    url: str
    origin: str


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
            return Endpoint(_read(path), str(path))
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


def _read(path: Path) -> str:
    remedy = "Delete it and run `make local` again, or give --url."
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise NoEndpoint(f"{path} cannot be read: {error.strerror}. Give --url instead.") from error
    except (ValueError, RecursionError) as error:
        raise NoEndpoint(f"{path} is not JSON. {remedy}") from error
    url = document.get("url") if isinstance(document, dict) else None
    if not isinstance(url, str):
        raise NoEndpoint(f'{path} has no text "url". {remedy}')
    return url
