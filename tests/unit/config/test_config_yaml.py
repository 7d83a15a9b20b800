from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from penstock.config import ConfigError, Problem, load

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "deployment: demo\n"
POD = "pod: {containers: [{name: a, image: x}]}"
API = f"apis:\n  - name: one\n    kind: AsyncAPI\n    {POD}\n"


def _problem(path: Path) -> Problem:
    with pytest.raises(ConfigError) as caught:
        load(path)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", 1, "is empty"),
        (b"# nothing\n", 1, "is empty"),
        (b"---\n", 1, "is empty"),
        (b"\n- name: one\n", 2, "the list of APIs goes under the key apis"),
        (b"text", 1, "must be a map with the keys deployment and apis"),
        (b"deployment: demo\napis: [\n", 3, "is not YAML: expected the node content"),
        (b"deployment: demo\n\tapis: []\n", 2, "a tab cannot indent"),
        (b"deployment: demo\n---\ndeployment: demo\n", 2, "must hold one YAML document"),
        (b"deployment: demo\n\x00\n", 2, "holds a control character"),
        (b"deployment: demo\nx: \xff\n", 2, "is not text in UTF-8"),
        ("deployment: demo\n".encode("utf-16"), 1, "is not text in UTF-8"),
        (b"deployment: demo\na: *b\n", 2, "found undefined alias"),
        (b'deployment: demo\na: "\\UFFFFFFFF"\n', 2, "a number or an escape is too large"),
        (b"%YAML " + b"1" * 5000 + b".1\n---\na: 1\n", 1, "a number or an escape is too large"),
        (b"a: " + b"[" * 100_000, 1, "nests deeper than 32 levels"),
        (b"a: &a [*a]\n", 1, "leads back to itself"),
        (b"a: [" + b"1," * 20_000 + b"]", 1, "holds more than 20000 values"),
        (b"#" * (2**20 + 1), 1, "is larger than 1048576 bytes"),
    ],
)
def test_an_unreadable_file_is_one_problem_with_a_line(write, content, line, message):
    path = write(content)
    problem = _problem(path)
    assert message in problem.message
    assert (problem.file, problem.line, problem.path) == (path, line, "")


def test_a_file_that_does_not_exist_is_a_problem(tmp_path):
    assert _problem(tmp_path / "penstock.yaml").message == "does not exist"


def test_a_folder_in_place_of_the_file_is_a_problem(tmp_path):
    assert _problem(tmp_path).message == "is a folder, not a file"


def test_a_file_under_a_file_is_a_problem(write):
    assert _problem(write("x") / "penstock.yaml").message.startswith("cannot be read")


def test_a_name_that_no_file_can_have_is_a_problem(tmp_path):
    assert _problem(tmp_path / "a\x00b").message.startswith("cannot be read")


def test_a_file_without_permission_is_a_problem(write):
    path = write(HEAD + API)
    path.chmod(0)
    try:
        path.open().close()
    except PermissionError:
        assert _problem(path).message == "may not be read: permission denied"
    else:
        pytest.skip("root may read everything")


def test_aliases_that_multiply_are_refused_quickly(write):
    rows = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    assert "once aliases are filled in" in _problem(write(f"a0: &a0 [x]\n{rows}")).message


def test_a_byte_order_mark_is_allowed(write):
    assert load(write(b"\xef\xbb\xbf" + (HEAD + API).encode())).deployment == "demo"


def test_windows_line_ends_count_as_one_line(write):
    path = write((HEAD + API).replace("\n", "\r\n") + "extra: 1\r\n")
    assert _problem(path).line == 6


@pytest.mark.parametrize(
    ("content", "line", "place", "first"),
    [
        (HEAD + HEAD + API, 2, "deployment", 1),
        (f"{HEAD}{API}    timeout: 1m\n    timeout: 2m\n", 7, "apis[0].timeout", 6),
        (
            f"{HEAD}{API}    local:\n      command: x\n      env: {{A: x,\n       A: y}}\n",
            9,
            "apis[0].local.env.A",
            8,
        ),
        (f'{HEAD}{API}    timeout: 1m\n    "timeout": 2m\n', 7, "apis[0].timeout", 6),  # quotes do not matter
    ],
)
def test_a_key_given_twice_is_a_problem_at_any_depth(write, content, line, place, first):
    problem = _problem(write(content))
    assert (problem.line, problem.path) == (line, place)
    assert problem.message == f"is given twice, first in line {first}"


@pytest.mark.parametrize("empty", ["", "~", "null"])
@pytest.mark.parametrize("key", ["timeout", "local", "autoscaling"])
def test_a_key_without_a_value_is_a_problem_whatever_the_default(write, key, empty):
    problem = _problem(write(f"{HEAD}{API}    {key}: {empty}\n"))
    assert (problem.line, problem.path) == (6, f"apis[0].{key}")
    assert problem.message == "has no value; give it one, or remove it"


def test_an_alias_repeats_a_value(write):
    second = f"  - name: two\n    kind: AsyncAPI\n    timeout: *time\n    {POD}\n"
    config = load(write(f"{HEAD}{API}    timeout: &time 3m\n{second}"))
    assert config.apis[0].timeout == config.apis[1].timeout


def test_a_problem_in_an_alias_has_the_line_of_what_it_repeats(write):
    second = "  - name: two\n    kind: AsyncAPI\n    pod: *pod\n"
    first = "apis:\n  - name: one\n    kind: AsyncAPI\n    pod: &pod\n      containers: [{name: a}]\n"
    with pytest.raises(ConfigError) as caught:
        load(write(HEAD + first + second))
    assert [problem.line for problem in caught.value.problems] == [6, 6]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{<<: {command: x}}", "merges another map by <<"),
        ("{command: x, [a]: b}", "has a key that is no word"),
        ('{command: x, "\\ud800": b}', "has a key that holds an escape that is no character"),
        ('{command: "\\ud800"}', "holds an escape that is no character"),
        ("{command: !!binary aGk=}", 'has a tag that is not allowed here: "tag:yaml.org,2002:binary"'),
        ("{command: !!python/name:os.system x}", "has a tag that is not allowed here"),
        ("{command: !<%0A> x}", 'not allowed here: "\\n"'),
        ("{command: !mine x}", 'has a tag that is not allowed here: "!mine"'),
        ("{command: [x], env: !!set {}}", "has a tag that is not allowed here"),
        ("{command: !!int x}", "does not fit its tag !!int"),
    ],
)
def test_what_yaml_can_say_beyond_plain_data_is_refused(write, value, message):
    with pytest.raises(ConfigError) as caught:
        load(write(f"{HEAD}{API}    local: {value}\n"))
    assert any(message in problem.message and problem.line == 6 for problem in caught.value.problems)


@pytest.mark.parametrize("word", ["no", "off", "yes", "1:30", "2026-01-01", "0b1", "1_000", "=", "y"])
def test_words_that_yaml_1_1_takes_for_something_else_are_text(write, word):
    config = load(write(f"{HEAD}{API}    local: {{command: x, env: {{A: {word}}}}}\n"))
    assert config.apis[0].local is not None
    assert config.apis[0].local.env == {"A": word}


@pytest.mark.parametrize(
    ("written", "port"),
    [("0x1F90", 8080), ("0o17620", 8080), ("+8080", 8080), ("!!int 8080", 8080), ("08080", 8080)],
)
def test_whole_numbers_are_read_as_yaml_1_2_does(write, written, port):
    text = (HEAD + API).replace("pod: {", f"pod: {{port: {written}, ")
    assert load(write(text)).apis[0].pod.port == port


@pytest.mark.parametrize(("written", "value"), [(".5", 0.5), ("5e-1", 0.5), ("5.", 5.0), ("2", 2.0)])
def test_fractions_are_read_as_yaml_1_2_does(write, written, value):
    text = f"{HEAD}{API}    autoscaling: {{target_in_flight: {written}}}\n"
    assert load(write(text)).apis[0].autoscaling.target_in_flight == value


@pytest.mark.parametrize("written", [".inf", "-.INF", ".nan", "1e999", "9" * 400, "0x" + "f" * 400])
def test_numbers_without_bounds_are_refused(write, written):
    problem = _problem(write(f"{HEAD}{API}    autoscaling: {{upscale_tolerance: {written}}}\n"))
    assert problem.path == "apis[0].autoscaling.upscale_tolerance"


def test_json_is_yaml_too(write):
    config = load(write(yaml.safe_dump(yaml.safe_load(HEAD + API), default_flow_style=True)))
    assert config.apis[0].name == "one"
