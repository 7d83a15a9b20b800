from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from penstock.config import ConfigError, Problem, load
from penstock.config.cortex import REPLACEMENTS

if TYPE_CHECKING:
    from pathlib import Path


def _problems(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return caught.value.problems


def test_all_problems_are_reported_at_once_with_their_lines(write):
    path = write(
        dedent("""\
            deployment: Demo
            apis:
              - name: one
                kind: AsyncAPI
                pod:
                  containers:
                    - name: server
                      image: nginx
                    - name: side
                      imge: nginx
                  prt: 8080
              - name: one
                kind: AsyncAPI
                timeout: 12h
        """)
    )

    report = str(ConfigError(_problems(path)))

    assert report.splitlines() == [
        (
            f"{path}:1: deployment: must start with a lower-case letter, hold only lower-case letters, "
            "digits and dashes, and not end with a dash"
        ),
        f'{path}:9: apis[0].pod.containers[1]: needs "image" or "build"',
        f'{path}:10: apis[0].pod.containers[1].imge: is not a key that exists here (did you mean "image"?)',
        f'{path}:11: apis[0].pod.prt: is not a key that exists here (did you mean "port"?)',
        f'{path}:12: apis[1].name: must be unique: another API is named "one"',
        f"{path}:12: apis[1].pod: is required",
        (
            f"{path}:14: apis[1].timeout: must be above 0s and at most 11h48m, not 12h: a run and the "
            "longest wait for the next, 2m, must end within the 12 hours that SQS hides a message"
        ),
    ]


@pytest.mark.parametrize(
    ("place", "key", "suggestion"),
    [
        ("", "deploymnt", "deployment"),
        ("apis.0.", "autoscalng", "autoscaling"),
        ("apis.0.autoscaling.", "min_replica", "min_replicas"),
        ("apis.0.pod.containers.0.", "comand", "command"),
        ("apis.0.pod.containers.0.compute.", "memm", "mem"),
        ("apis.0.pod.containers.0.compute.", "cpus", "cpu"),
        ("apis.0.networking.", "endpont", "endpoint"),
        ("apis.1.", "dead_letter_queue", "dead_letter_queues"),
        ("apis.1.networking.", "endpont", "endpoint"),
        ("apis.1.pod.containers.0.", "comand", "command"),
        # near only to a key of the other kind
        ("apis.1.", "autoscalng", None),
        ("apis.0.", "zzz", None),
        # keys of Cortex are no typing errors
        ("apis.0.update_strategy.", "max_surg", "max_surge"),
        ("apis.0.pod.containers.0.", "liveness_probe", None),
    ],
)
def test_an_unknown_key_comes_with_the_nearest_valid_one(refused, place, key, suggestion):
    (problem,) = refused(place + key, 1)
    assert problem.path.endswith(key)
    assert problem.suggestion == suggestion


@pytest.mark.parametrize(
    "path",
    [
        "apis.0.node_groups",
        "apis.0.pod.max_queue_length",
        "apis.0.pod.containers.0.pre_stop",
        "apis.0.pod.containers.0.compute.inf",
    ],
)
def test_a_key_of_cortex_that_is_not_here_comes_with_what_takes_its_place(refused, path):
    (problem,) = refused(path, 100)
    replacement = REPLACEMENTS[path.rpartition(".")[2]]
    assert problem.message == f"is a key of Cortex's that Penstock does not have: {replacement}"


def test_a_kind_comes_with_the_nearest_valid_one(refused):
    (problem,) = refused("apis.0.kind", "AsyncApi")
    assert problem.suggestion == "AsyncAPI"


@pytest.mark.parametrize("kind", ["", "kind: batchAPI", "kind: TaskAPI"])
def test_of_an_api_without_a_kind_only_that_is_reported(write, kind):
    """What else is right depends on it."""
    path = write(f"deployment: demo\napis:\n  - name: one\n    wat: 1\n    {kind}\n")
    assert [problem.path for problem in _problems(path)] == ["apis[0].kind"]


def test_an_api_that_is_no_map_is_reported_as_that(refused):
    (problem,) = refused("apis.1", "jobs")
    assert (problem.path, problem.message) == (
        "apis[1]",
        'must be a map of keys and values, not "jobs"',
    )


def test_a_strange_key_stays_on_one_line(refused):
    (problem,) = refused("apis.0.pod.containers.0.env.a\nb", "x")
    assert problem.path == 'apis[0].pod.containers[0].env["a\\nb"]'


@pytest.mark.parametrize("separator", ["\n", "\r", "\x85", "\u2028", "\x1c"])
def test_a_value_with_line_separators_stays_on_one_line(refused, separator):
    (problem,) = refused("apis.0.timeout", f"a{separator}b")
    assert len(str(problem).splitlines()) == 1


def test_a_key_that_looks_like_pydantics_own_mark_is_reported_like_any_other(refused):
    assert [problem.path for problem in refused("[key]", "x")] == ['["[key]"]']


def test_a_long_value_is_cut(refused):
    (problem,) = refused("apis.0.timeout", "x" * 1000)
    assert len(str(problem.message)) < 200


def test_braces_in_a_value_are_only_text(refused):
    (problem,) = refused("apis.0.timeout", "{reason}{0}{")
    assert '"{reason}{0}{"' in problem.message


def test_braces_stay_text_beside_a_problem_of_the_whole_list(write):
    path = write(
        dedent("""\
            deployment: demo
            apis:
              - &one
                name: one
                kind: AsyncAPI
                timeout: "{reason}"
                pod: {containers: [{name: a, image: x}]}
              - *one
        """)
    )
    messages = [problem.message for problem in _problems(path)]
    assert any("must be unique" in message for message in messages)
    assert any('not "{reason}"' in message for message in messages)


def test_a_default_that_depends_on_a_wrong_value_is_not_reported(refused):
    (problem,) = refused("apis.0.autoscaling.min_replicas", "two")
    assert problem.path == "apis[0].autoscaling.min_replicas"


def test_a_missing_key_has_the_line_of_the_map_that_lacks_it(write):
    path = write("deployment: demo\n\napis:\n\n  - name: one\n    pod: {containers: [{name: a, image: x}]}\n")
    (problem,) = _problems(path)
    assert (problem.line, problem.path, problem.message) == (5, "apis[0].kind", "is required")
