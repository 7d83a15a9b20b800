"""Step adjustments: what Application Auto Scaling does with a number of missing or spare tasks.

A policy takes up to 20 steps. An alarm's value between two of them is answered by the lower one, so a
policy never adds or removes more than was asked for; what is left over follows when the alarm acts again,
a minute later.
"""

from __future__ import annotations

MOST_STEPS = 20

#: How many of the largest steps are exact, so that a full swing is done at once: from none, from one.
_EXACT_AT_THE_TOP = 2


def step_sizes(most: int) -> tuple[int, ...]:
    """The sizes of the steps for up to ``most`` tasks: 1, 2, 3 … with growing gaps, and the largest two."""
    if most <= MOST_STEPS:
        return tuple(range(1, max(1, most) + 1))
    top = tuple(range(most - _EXACT_AT_THE_TOP + 1, most + 1))
    sizes = [1]
    for left in range(MOST_STEPS - len(top), 1, -1):
        ratio = (top[0] / sizes[-1]) ** (1 / left)
        sizes.append(max(sizes[-1] + 1, round(sizes[-1] * ratio)))
    return (*(size for size in sizes if size < top[0]), *top)
