"""Folders that the file names: relative to the file, and looked at before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.config.findings import Finding, entries
from penstock.config.wording import shown

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.config.wording import Place


def anchor(data: dict[str, Any], *, base: Path) -> list[Finding]:
    """Make the folders in the raw data absolute, in place, and find what they lack.

    It works on raw data so that a missing folder is reported beside errors of any other kind.
    """
    found: list[Finding] = []
    for index, api in entries(data.get("apis")):
        pod, local = api.get("pod"), api.get("local")
        if isinstance(pod, dict):
            found += _anchor_builds(pod, base=base, place=("apis", index, "pod", "containers"))
        if isinstance(local, dict):
            local.setdefault("directory", ".")
            found += _anchor(local, "directory", base=base, place=("apis", index, "local"))
    return found


def _anchor_builds(pod: dict[str, Any], *, base: Path, place: Place) -> list[Finding]:
    found: list[Finding] = []
    for index, container in entries(pod.get("containers")):
        written = container.get("build")
        missing = _anchor(container, "build", base=base, place=(*place, index))
        if isinstance(written, str) and not missing and not _exists(base / written / "Dockerfile"):
            message = f"names a folder that holds no Dockerfile: {shown(written)}"
            missing = [Finding((*place, index, "build"), message)]
        found += missing
    return found


def _anchor(section: dict[str, Any], key: str, *, base: Path, place: Place) -> list[Finding]:
    written = section.get(key)
    if not isinstance(written, str):
        return []
    folder = base / written
    section[key] = str(folder)
    if _exists(folder, is_folder=True):
        return []
    return [Finding((*place, key), f"names a folder that does not exist: {shown(written)}")]


def _exists(path: Path, *, is_folder: bool = False) -> bool:
    try:
        return path.is_dir() if is_folder else path.is_file()
    except (OSError, ValueError):
        # Too long a name, no permission on the way, a NUL: whatever it is, nothing can be built from it.
        return False
