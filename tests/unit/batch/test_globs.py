"""Globs, held against a matcher that is slow, short and written independently."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.batch.globs import MOST_CHARACTERS, Filter, Glob, MalformedPattern

LETTERS = "ab/-!*"

#: A kind, and what it needs: whether a star crosses slashes, the characters of a set, the ways of a choice.
Token = tuple[str, Any]
Tokens = tuple[Token, ...]


@cache
def slowly(tokens: Tokens, name: str) -> bool:
    """Whether tokens of the kinds that ``tokens`` makes match the whole name: all ways tried in turn."""
    if not tokens:
        return not name
    (kind, value), rest = tokens[0], tokens[1:]
    if kind == "any":
        crosses = value
        return slowly(rest, name) or (bool(name) and (crosses or name[0] != "/") and slowly(tokens, name[1:]))
    if kind == "choice":
        return any(slowly((*way, *rest), name) for way in value)
    return bool(name) and name[0] in value and slowly(rest, name[1:])


def written(tokens: Tokens) -> str:
    """The tokens as a pattern."""
    return "".join(text for _, text in map(one_written, tokens))


def one_written(token: Token) -> tuple[str, str]:
    kind, value = token
    if kind == "any":
        return kind, "**" if value else "*"
    if kind == "choice":
        return kind, "{" + ",".join(written(way) for way in value) + "}"
    characters = frozenset(value)
    if len(characters) == 1:
        return kind, "\\" + value
    return kind, NAMED[characters]


NAMED = {
    frozenset("ab"): "[a-b]",
    frozenset("a/"): "[a/]",
    frozenset(LETTERS) - {"/"}: "?",
    frozenset(LETTERS) - {"a"}: "[!a]",
    frozenset(LETTERS) - {"a", "b"}: "[!a-b]",
}

single = st.sampled_from(LETTERS).map(lambda one: ("one", one))
several = st.sampled_from(sorted(NAMED, key=sorted)).map(lambda some: ("one", "".join(sorted(some))))
stars = st.booleans().map(lambda crosses: ("any", crosses))
simple = st.one_of(single, single, several, stars)


def separated(tokens: list[Token]) -> Tokens:
    """Without a star behind a star: written together they would be another one."""
    return tuple(
        token
        for number, token in enumerate(tokens)
        if not (token[0] == "any" and number and tokens[number - 1][0] == "any")
    )


def sequences(element: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(element, max_size=5).map(separated)


choices = st.lists(sequences(simple), min_size=1, max_size=3).map(lambda ways: ("choice", tuple(ways)))
nested = st.lists(sequences(st.one_of(simple, choices)), min_size=1, max_size=2).map(
    lambda ways: ("choice", tuple(ways))
)
patterns = sequences(st.one_of(simple, simple, choices, nested))
names = st.text(alphabet=LETTERS, max_size=8)


@given(patterns, names)
def test_a_pattern_matches_what_the_slow_matcher_says(tokens, name):
    assert Glob(written(tokens)).matches(name) is slowly(tokens, name)


@given(patterns, st.data())
def test_a_name_made_from_a_pattern_is_matched(tokens, data):
    def made(tokens: Tokens) -> str:
        parts = []
        for kind, value in tokens:
            if kind == "any":
                alphabet = LETTERS if value else LETTERS.replace("/", "")
                parts.append(data.draw(st.text(alphabet=alphabet, max_size=3)))
            elif kind == "choice":
                parts.append(made(data.draw(st.sampled_from(value))))
            else:
                parts.append(data.draw(st.sampled_from(value)))
        return "".join(parts)

    assert Glob(written(tokens)).matches(made(tokens))


@pytest.mark.parametrize(
    ("pattern", "taken", "passed_over"),
    [
        ("s3://b/*.json", ["s3://b/a.json", "s3://b/.json"], ["s3://b/c/a.json", "s3://b/a.jsonl", "s3://c/a.json"]),
        ("s3://b/**.json", ["s3://b/a.json", "s3://b/c/d/a.json"], ["s3://b/a.txt"]),
        ("**", ["", "s3://b/a", "a\nb"], []),
        ("*", ["", "ab"], ["a/b"]),
        ("s3://*/a", ["s3://b/a"], ["s3://b/c/a"]),
        ("a?c", ["abc", "aüc"], ["ac", "a/c", "abbc"]),
        ("[abc]", ["a", "c"], ["d", "ab", ""]),
        ("[!abc]", ["d", "/", "!"], ["a"]),
        ("[a-c]", ["a", "b", "c"], ["d", "-"]),
        ("[!a-c]", ["d", "-"], ["b"]),
        # A set is one range or some characters: here the hyphen is one.
        ("[ab-d]", ["a", "b", "-", "d"], ["c"]),
        ("[-a]", ["-", "a"], ["b"]),
        ("[a\\]]", ["a", "]"], ["\\"]),
        ("[*]", ["*"], ["a"]),
        ("{a,b}c", ["ac", "bc"], ["abc", "c"]),
        ("{,a}b", ["b", "ab"], ["a"]),
        ("{a*,{b,c}?}", ["a", "abc", "bx", "cx"], ["b", "a/"]),
        ("a,b", ["a,b"], ["a"]),
        ("a}", ["a}"], ["a"]),
        ("\\*\\?\\[\\{\\\\", ["*?[{\\"], ["a?[{\\"]),
        ("***", ["a/b", ""], []),
        ("", [""], ["a"]),
    ],
)  # fmt: skip
def test_a_pattern_takes_and_passes_over(pattern, taken, passed_over):
    glob = Glob(pattern)
    assert [name for name in (*taken, *passed_over) if glob.matches(name)] == taken


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[", r"a \[ is not closed"),
        ("a[b", r"a \[ is not closed"),
        ("[a-", r"a \[ is not closed"),
        ("[]", "no characters"),
        ("[!]", "no characters"),
        ("[z-a]", "runs backwards"),
        ("[a-z0-9]", r"goes on.*\{\[a-z\],\[0-9\]\}"),
        ("{a", r"a \{ is not closed"),
        ("{a,{b}", r"a \{ is not closed"),
        ("a\\", r"single \\"),
        ("[\\", r"single \\"),
        ("{" * 11 + "}" * 11, "within each other"),
        ("{" * 400, "within each other"),
        ("a" * (MOST_CHARACTERS + 1), "501 characters; at most 500"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_what_is_no_pattern_is_told(pattern, reason):
    with pytest.raises(MalformedPattern, match=reason):
        Glob(pattern)


@given(st.text(alphabet="a*?[]{}!-,\\/", max_size=30), names)
def test_any_text_is_a_pattern_or_malformed(text, name):
    try:
        glob = Glob(text)
    except MalformedPattern:
        return
    assert glob.matches(name) in {True, False}


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * (MOST_CHARACTERS // 2),
        "**a" * (MOST_CHARACTERS // 3),
        "{a,aa}" * (MOST_CHARACTERS // 6),
        "{*,**}" * (MOST_CHARACTERS // 6),
        "{a,*a,**a}" * (MOST_CHARACTERS // 10),
        "{" * 10 + "*a" * 200 + "}" * 10,
    ],
    ids=["stars", "double stars", "alternatives", "stars in alternatives", "all of it", "nested"],
)
def test_the_hardest_pattern_takes_its_time_with_the_longest_name_once_and_no_more(pattern):
    glob, name = Glob(pattern), "a" * 1100 + "b"
    started = time.perf_counter()
    assert glob.matches(name) in {True, False}
    # A backtracking matcher would not be done before the sun goes out.
    assert time.perf_counter() - started < 3


def test_what_is_remembered_of_a_pattern_has_an_end():
    glob = Glob("**[!x]")
    assert all(glob.matches(chr(number)) for number in range(0x4E00, 0x4E00 + 20_000))
    assert len(glob._remembered) <= 10_000


@pytest.mark.parametrize(
    ("includes", "excludes", "taken"),
    [
        ([], [], ["a.csv", "a.json", "b.json"]),
        (["*.json"], [], ["a.json", "b.json"]),
        (["*.csv", "b*"], [], ["a.csv", "b.json"]),
        ([], ["a*"], ["b.json"]),
        (["*.json"], ["a*", "x"], ["b.json"]),
        (["*"], ["**"], []),
    ],
    ids=str,
)
def test_names_of_any_include_and_of_no_exclude_are_taken(includes, excludes, taken):
    selection = Filter.of(includes, excludes)
    assert [name for name in ("a.csv", "a.json", "b.json") if selection.takes(name)] == taken
