from __future__ import annotations

import pytest

from penstock.amounts import amount


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ["API"], "0 APIs"),
        (1, ["API"], "1 API"),
        (1, ["batch", "batches"], "1 batch"),
        (2000, ["batch", "batches"], "2,000 batches"),
    ],
)
def test_one_is_singular_and_all_else_is_plural(number, words, said):
    assert amount(number, *words) == said
