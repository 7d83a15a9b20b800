"""Each piece of configuration that a page shows is right, put into a whole one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from penstock.config import load

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

EXAMPLES = [
    (f"{page.name}:{index}", text)
    for page in PAGES
    for index, text in enumerate(
        re.findall(r"```yaml[^\n]*\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    )
]
#: Sections that stand beside the APIs, not in one.
TOP = {
    "access",
    "auth",
    "callbacks",
    "deployment",
    "domain",
    "encryption",
    "monitoring",
    "network",
    "tracing",
}


def an_api(name: str, **keys: Any) -> dict[str, Any]:
    container = {"name": "server", "image": "x", "compute": {"cpu": 1, "mem": "2Gi"}}
    pod = {"containers": [container]} | keys.pop("pod", {})
    return {"name": name, "kind": "AsyncAPI", "pod": pod} | keys


def whole(piece: dict[str, Any]) -> dict[str, Any]:
    """The piece with what it leaves out."""
    if "apis" in piece:
        apis = [an_api(**api) for api in piece["apis"]]
    else:
        apis = [an_api("word-count", **{key: value for key, value in piece.items() if key not in TOP})]
    named = {api["name"] for api in apis}
    chained = {name for api in apis for name in api.get("webhook", {}).get("chain", ())}
    apis += [an_api(name) for name in chained - named]
    if any(api.get("capacity", {}).get("kind", "fargate") != "fargate" for api in apis):
        piece = {"network": {"kind": "nat"}} | piece
    return {"deployment": "demo"} | {key: piece[key] for key in piece if key in TOP} | {"apis": apis}


@pytest.mark.parametrize(("place", "text"), EXAMPLES, ids=[place for place, _ in EXAMPLES])
def test_an_example_is_a_configuration(tmp_path, place, text):
    for folder in set(re.findall(r"(?:build|directory): (\S+)", text)):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "Dockerfile").touch()
    file = tmp_path / "penstock.yaml"
    file.write_text(yaml.safe_dump(whole(yaml.safe_load(text))), encoding="utf-8")

    load(file)
