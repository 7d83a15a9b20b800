"""What the pages say of files and tests is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_FILE = re.compile(r"`((?:bench|cdk|dequeuer|docs|gateway_lambda|localstack|penstock|tests)/[\w/.-]+\.\w+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _functions(file: Path) -> set[str]:
    if not file.exists():
        return set()
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page):
    named = _TEST.findall(page.read_text(encoding="utf-8"))
    missing = [f"{file}::{name}" for file, name in named if name not in _functions(ROOT / file)]
    assert missing == []


def test_every_promise_rule_and_case_names_a_test_that_holds_it():
    page = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    *numbered, rights = page.split("\n## ")[1:]
    promises, rules, cases = (re.findall(r"^\| ([RJN]?\d+) \|.*$", part, re.MULTILINE) for part in numbered)
    assert promises == [str(number) for number in range(1, 7)]
    expected = (("R", 20), ("J", 15), ("N", 7))
    assert rules == [f"{letter}{number}" for letter, last in expected for number in range(1, last + 1)]
    assert cases == [str(number) for number in range(1, 21)]
    assert [
        row for row in re.findall(r"^\| [RJN]?\d+ \|.*$", page, re.MULTILINE) if not _TEST.search(row)
    ] == []
    held = [row for row in rights.splitlines() if row.startswith("| ")][1:]
    assert held
    assert [row for row in held if not _TEST.search(row)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page):
    named = set(_FILE.findall(page.read_text(encoding="utf-8")))
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    dead = []
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        other = page.parent / path if path else page
        if not other.exists() or (anchor and anchor not in _anchors(other)):
            dead.append(target)
    assert dead == []
