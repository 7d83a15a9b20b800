from __future__ import annotations

import re
from pathlib import Path

from penstock.config import identifiers, load
from penstock.config.schema import json_schema

PAGE = Path(__file__).resolve().parents[3] / "docs" / "configuration.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_example_of_the_page_is_valid_and_the_examples_set_every_field(tmp_path):
    (example,) = re.findall(r"```yaml title=\"penstock.yaml\"\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "Dockerfile").touch()
    path = tmp_path / "penstock.yaml"
    path.write_text(example, encoding="utf-8")

    assert len(load(path).apis) == 3

    # Some keys exclude each other: those stand in an example of their own.
    examples = "".join(re.findall(r"```yaml.*?\n(.*?)```", TEXT, re.DOTALL))
    unused = [key for key in _keys() if not re.search(rf"\b{key}:", examples)]
    assert unused == []


def test_the_page_has_a_row_for_every_field():
    missing = [key for key in _keys() if f"`{key}`" not in TEXT]
    assert missing == []


def test_the_page_names_all_that_is_refused_by_name():
    for name in (*identifiers.RESERVED, *identifiers.REFUSED_HEADERS, *identifiers.RESERVED_CONTAINERS):
        assert f"`{name}`" in TEXT


def _keys() -> list[str]:
    schema = json_schema()
    sections = [schema, *schema["$defs"].values()]
    return [key for section in sections for key in section.get("properties", {})]
