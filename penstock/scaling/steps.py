"""Step adjustments: what Application Auto Scaling does with a number of missing or spare tasks.

A policy takes up to 20 steps. An alarm's value between two of them is answered by the lower one, so a
policy never adds or removes more than was asked for; what is left over follows when the alarm acts again,
a minute later.
"""

from __future__ import annotations

from bisect import bisect_right

MOST_STEPS = 20

#: How many of the largest steps are exact, so that a full swing is done at once: from none, from one.
_EXACT_AT_THE_TOP = 2


def step_sizes(most: int) -> tuple[int, ...]:
    """The sizes of the steps for up to ``most`` tasks: 1, 2, 3 … with growing gaps, and the largest two."""
    if most <= MOST_STEPS:
        return tuple(range(1, max(1, most) + 1))
    top = tuple(range(most - _EXACT_AT_THE_TOP + 1, most + 1))
    count = MOST_STEPS - len(top)
    sizes: list[int] = []
    for number in range(count):
        ratio = (top[0] / max(1, sizes[-1] if sizes else 1)) ** (1 / (count - number + 1))
        following = (sizes[-1] if sizes else 0) + 1
        sizes.append(max(following, round((sizes[-1] if sizes else 0) * ratio)))
    return (*(size for size in sizes if size < top[0]), *top)


def adjustment(sizes: tuple[int, ...], asked: float) -> int:
    """How many tasks a policy with these steps adds, or removes, when so many are asked for."""
    index = bisect_right(sizes, asked)
    return sizes[index - 1] if index else 0
