from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from penstock.batch.commits import Part, PartKind
from penstock.batch.manifest import manifest


def part(name: str, *, lines: int = 2, rejected: tuple[str, ...] = ()) -> Part:
    return Part(
        id=name,
        kind=PartKind.RESULTS,
        key=f"jobs/sum/1/results/{name}.jsonl",
        size_bytes=10,
        lines=lines,
        rejected=rejected,
    )


def test_each_part_is_a_line_with_what_a_reader_must_pass_over():
    lines = manifest([part("b", lines=3, rejected=("0-2", "0-1")), part("a")]).decode().splitlines()

    assert [json.loads(line) for line in lines] == [
        {"kind": "results", "key": "jobs/sum/1/results/a.jsonl", "lines": 2, "size_bytes": 10},
        {
            "kind": "results",
            "key": "jobs/sum/1/results/b.jsonl",
            "lines": 3,
            "size_bytes": 10,
            "rejected": ["0-1", "0-2"],
        },
    ]


def test_a_part_all_of_whose_batches_another_had_ended_is_left_out():
    assert manifest([part("a", lines=1, rejected=("0-1",))]) == b""


@given(st.permutations([part(name) for name in "abcd"]))
def test_two_writers_write_the_same_manifest(parts: list[Part]):
    assert manifest(parts) == manifest(sorted(parts, key=lambda one: one.id))
