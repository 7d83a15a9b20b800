from io import StringIO
from string import ascii_letters

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_tasks.examples.word_count.server import MAX_TOP, RefusedError, count, decoded, options

words = st.lists(st.text(ascii_letters, min_size=1, max_size=3), max_size=50)


def test_counts_words_without_regard_to_case():
    assert count("The cat and the dog.\nThe end", top=2) == {
        "words": 7,
        "characters": 28,
        "lines": 2,
        "most_common": [("the", 3), ("cat", 1)],
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don't", 1),  # an apostrophe inside a word is part of it
        ("don\N{RIGHT SINGLE QUOTATION MARK}t", 1),  # so is the typographic one
        ("'quoted'", 1),  # around a word it is punctuation
        ("well-known", 2),  # a hyphen joins two words
        ("größe Ökonomie", 2),  # letters are not only ASCII
        ("… — !", 0),  # punctuation alone is no word
        ("", 0),  # nothing
    ],
)
def test_what_a_word_is(text, expected):
    assert count(text)["words"] == expected


@given(words)
def test_the_counts_of_all_words_add_up(given_words):
    counts = count(" ".join(given_words), top=MAX_TOP)

    assert counts["words"] == len(given_words)
    assert sum(n for _, n in counts["most_common"]) == len(given_words)
    assert {word for word, _ in counts["most_common"]} == {word.lower() for word in given_words}


@given(st.text(), st.text())
def test_words_and_characters_of_two_texts_add_up(first, second):
    both = count(f"{first}\n{second}")

    assert both["words"] == count(first)["words"] + count(second)["words"]
    assert both["characters"] == len(first) + 1 + len(second)


@given(st.text(alphabet=["a", " ", "\r", "\n", "\u2028"]))
def test_a_line_ends_at_a_newline_or_at_the_end(text):
    assert count(text)["lines"] == len(StringIO(text, newline="\n").readlines())


@given(words, st.integers(min_value=0, max_value=20))
def test_top_bounds_the_list_and_the_most_common_come_first(given_words, top):
    everything = count(" ".join(given_words), top=MAX_TOP)["most_common"]
    listed = count(" ".join(given_words), top=top)["most_common"]

    assert listed == everything[:top]
    assert [n for _, n in everything] == sorted((n for _, n in everything), reverse=True)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", (10, 0.0)),  # defaults
        ("top=3&delay=0.5", (3, 0.5)),  # both
        ("top=0", (0, 0.0)),  # no list at all
        ("top=1000&delay=600", (1000, 600.0)),  # the limits themselves
        ("colour=red", (10, 0.0)),  # another's option is not ours to refuse
    ],
)
def test_options_in_the_query(query, expected):
    assert options(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "top=",  # given, but empty
        "top=ten",  # no number
        "top=2.5",  # no whole number
        "top=-1",  # below
        "top=1001",  # above
        "delay=long",  # no number
        "delay=-0.1",  # below
        "delay=600.1",  # above
        "delay=nan",  # compares with nothing
        "delay=inf",  # for ever
    ],
)
def test_bad_options_are_refused(query):
    with pytest.raises(RefusedError, match="top is a whole number") as refused:
        options(query)

    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("body", "charset", "text"),
    [
        ("größe".encode(), "utf-8", "größe"),
        ("größe".encode("latin-1"), "iso-8859-1", "größe"),
        ("größe".encode("utf-16"), "utf-16", "größe"),
    ],
)
def test_the_charset_decides(body, charset, text):
    assert decoded(body, charset) == text


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        (b"gr\xf6\xdfe", "utf-8"),  # another charset's bytes
        (b"text", "no-such-charset"),  # unknown to Python
        (b"74657874", "hex"),  # known to Python, but no charset
        (b"text", "a\0b"),  # no name at all
    ],
)
def test_a_body_that_cannot_be_decoded_is_refused(body, charset):
    with pytest.raises(RefusedError, match="the body is not") as refused:
        decoded(body, charset)

    assert refused.value.status == 400
