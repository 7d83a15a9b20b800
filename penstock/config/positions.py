"""YAML text to data, with the line of every value.

PyYAML alone keeps the last of two equal keys and forgets all lines. This walks its node tree, so
that a duplicate key is an error and every later error can say where it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from penstock.config.errors import Unreadable
from penstock.config.findings import Finding
from penstock.config.wording import shown
from penstock.config.yaml_core import DEEPEST_NESTING, MOST_VALUES, NULL_TAG, CoreLoader, characters, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.config.wording import Place

_MAP_TAG = "tag:yaml.org,2002:map"
_LIST_TAG = "tag:yaml.org,2002:seq"


@dataclass(frozen=True, slots=True)
class Document:
    """The data of a file, made of dict, list, str, int, float, bool and None."""

    data: dict[str, Any]
    #: Lines from 1; of a map's entry, the line of its key.
    lines: Mapping[Place, int]
    #: What is wrong with the YAML without making it unreadable, such as duplicate keys.
    findings: tuple[Finding, ...]

    def line(self, path: Place) -> int:
        """Return the line of a value, or of the nearest map or list around where it should be."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def read(text: str) -> Document:
    """Read one YAML document whose top is a map. Raises Unreadable."""
    node = _compose(text)
    if node is None or node.tag == NULL_TAG:
        raise Unreadable("is empty")
    if not isinstance(node, yaml.MappingNode):
        hint = "; the list of APIs goes under the key apis" if isinstance(node, yaml.SequenceNode) else ""
        raise Unreadable(
            f"must be a map with the keys deployment and apis{hint}", line=node.start_mark.line + 1
        )
    walk = _Walk()
    data = walk.value(node, ())
    return Document(data=data, lines=walk.lines, findings=tuple(walk.findings))


def _compose(text: str) -> yaml.Node | None:
    loader = None
    try:
        loader = CoreLoader(text)
        return loader.get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Unreadable(
            "is not YAML: it holds a control character; is this a text file?", line=line
        ) from error
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error) from error
    except (ValueError, OverflowError) as error:
        # PyYAML turns escapes such as "\UFFFFFFFF" and version numbers into integers unchecked.
        raise Unreadable("is not YAML: a number or an escape is too large", line=_line(loader)) from error
    finally:
        if loader is not None:
            loader.dispose()


def _line(loader: CoreLoader | None) -> int:
    return loader.line + 1 if loader else 1


def _syntax_error(error: yaml.MarkedYAMLError) -> Unreadable:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    problem = error.problem or "the text cannot be parsed"
    if error.context == "expected a single document in the stream":
        return Unreadable("must hold one YAML document; another starts here", line=line)
    if "'\\t'" in problem:
        return Unreadable("is not YAML: a tab cannot indent; use spaces", line=line)
    around = ""
    if error.context and error.context_mark:
        around = f" ({error.context} that starts in line {error.context_mark.line + 1})"
    return Unreadable(f"is not YAML: {problem}{around}", line=line)


@dataclass(slots=True)
class _Walk:
    """Turns nodes into data; a node that aliases share is read again at each place."""

    lines: dict[Place, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def value(self, node: yaml.Node, path: Place) -> Any:
        line = node.start_mark.line + 1
        # An entry of a map already has the line of its key.
        line = self.lines.setdefault(path, line)
        # An alias inside its own anchor would never end, and ten aliases of ten aliases of … nearly so.
        if len(path) > DEEPEST_NESTING:
            raise Unreadable("has an alias that leads back to itself, or nests too deeply", line=line)
        if len(self.lines) > MOST_VALUES:
            raise Unreadable(f"holds more than {MOST_VALUES} values once aliases are filled in", line=line)
        if isinstance(node, yaml.MappingNode):
            self._check_tag(node, path, _MAP_TAG)
            return self._map(node, path)
        if isinstance(node, yaml.SequenceNode):
            self._check_tag(node, path, _LIST_TAG)
            return [self.value(entry, (*path, index)) for index, entry in enumerate(node.value)]
        return self._scalar(node, path)

    def _check_tag(self, node: yaml.Node, path: Place, expected: str) -> None:
        if node.tag != expected:
            self.findings.append(Finding(path, f"has a tag that is not allowed here: {shown(node.tag)}"))

    def _scalar(self, node: yaml.Node, path: Place) -> Any:
        assert isinstance(node, yaml.ScalarNode)
        try:
            value = scalar(node)
        except ValueError as error:
            self.findings.append(Finding(path, str(error)))
            return None
        if value is None:
            self.findings.append(Finding(path, "has no value; give it one, or remove it"))
        return value

    def _map(self, node: yaml.MappingNode, path: Place) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._key(key_node, path, line)
            if key is None:
                continue
            if key in data:
                first = self.lines[*path, key]
                self.findings.append(
                    Finding((*path, key), f"is given twice, first in line {first}", line=line)
                )
                continue
            self.lines[*path, key] = line
            data[key] = self.value(value_node, (*path, key))
        return data

    def _key(self, node: yaml.Node, path: Place, line: int) -> str | None:
        """Return a key's text as written, so that ``1`` and ``true`` are words like any other key."""
        if not isinstance(node, yaml.ScalarNode):
            self.findings.append(Finding(path, "has a key that is no word", line=line))
            return None
        key: str = node.value
        if key == "<<" and node.style is None:
            self.findings.append(
                Finding(
                    path, "merges another map by <<, which is not supported: write the keys out", line=line
                )
            )
            return None
        try:
            return characters(key)
        except ValueError as error:
            self.findings.append(Finding(path, f"has a key that {error}", line=line))
            return None
