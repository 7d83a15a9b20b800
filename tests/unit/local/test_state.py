from __future__ import annotations

import os
import threading

import pytest

from localstack.emulator import DEFAULT_PORT, EmulatorSettings, choose_port
from localstack.endpoint_file import EndpointFile
from localstack.environment import Endpoint
from localstack.errors import AlreadyRunning, PortTaken
from localstack.fingerprint import fingerprint
from localstack.state import State


@pytest.fixture
def state(tmp_path) -> State:
    state = State(tmp_path / "local")
    state.create()
    return state


def test_a_second_stack_on_the_same_state_is_told_who_has_it(state: State):
    with (
        state.locked(),
        pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}"),
        State(state.root).locked(),
    ):
        pass


def test_the_lock_ends_with_its_block(state: State):
    with state.locked():
        assert state.holder() == os.getpid()
    assert state.holder() is None


def test_state_of_an_emulator_that_was_killed_is_not_used_again(state: State):
    state.mark_unsaved()
    (state.emulator / "sqs.json").write_text("{}")

    state.mark_unsaved()

    assert list(state.emulator.iterdir()) == []


def test_state_of_an_emulator_that_ended_properly_is_kept(state: State):
    state.mark_unsaved()
    (state.emulator / "sqs.json").write_text("{}")
    state.mark_saved()

    state.mark_unsaved()

    assert (state.emulator / "sqs.json").exists()


def test_the_endpoint_file_is_there_while_the_stack_runs(state: State):
    file = EndpointFile("http://127.0.0.1:4566/x", "demo", "http://127.0.0.1:4566", 7)

    with file.written(state.endpoint):
        assert state.endpoint.parent == state.root.parent
        assert '"stage": "local"' in state.endpoint.read_text()
    assert not state.endpoint.exists()


@pytest.mark.parametrize(
    ("wanted", "remembered", "taken", "expected"),
    [
        (None, None, set(), DEFAULT_PORT),
        # The queue URLs in the kept state contain the port.
        (None, 5000, set(), 5000),
        (None, 5000, {5000}, DEFAULT_PORT),
        (6000, 5000, set(), 6000),
    ],
)
def test_the_port(wanted: int | None, remembered: int | None, taken: set[int], expected: int):
    assert choose_port(wanted, remembered=remembered, is_free=lambda port: port not in taken) == expected


def test_a_port_that_was_asked_for_is_not_replaced_by_another():
    with pytest.raises(PortTaken, match="6000"):
        choose_port(6000, remembered=None, is_free=lambda _port: False)


def test_the_emulator_listens_on_loopback_and_keeps_all_it_writes_in_the_state_folder(state: State):
    settings = EmulatorSettings(state.root / "python", Endpoint(4566), state)

    environment = settings.environment({"PATH": "/bin", "AWS_PROFILE": "production", "SECRET": "x"})

    assert environment["BIND_HOST"] == "127.0.0.1"
    written = [environment[name] for name in ("STATE_DIR", "S3_DATA_DIR", "TMPDIR")]
    assert all(path.startswith(str(state.emulator)) for path in written)
    # Lambda code sees what the emulator sees.
    assert not {"AWS_PROFILE", "SECRET"} & environment.keys()


def test_the_fingerprint_follows_each_input_and_nothing_else(tmp_path):
    for name in ("cdk/stack.py", "penstock/names.py", "gateway_lambda/app.py", "app.py", "penstock.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    config = tmp_path / "penstock.yaml"
    seen = {fingerprint(tmp_path, config=config, port=4566)}

    def changes() -> bool:
        current = fingerprint(tmp_path, config=config, port=4566)
        is_new = current not in seen
        seen.add(current)
        return is_new

    for name in ("cdk/stack.py", "gateway_lambda/app.py", "app.py", "penstock.yaml"):
        (tmp_path / name).write_text("2")
        assert changes(), name
    (tmp_path / "penstock/names.py").rename(tmp_path / "penstock/other.py")
    assert changes()
    (tmp_path / "cdk/__pycache__").mkdir()
    (tmp_path / "cdk/__pycache__/stack.pyc").write_text("x")
    (tmp_path / "README.md").write_text("x")
    assert not changes()
    assert fingerprint(tmp_path, config=config, port=4567) not in seen


def test_what_a_broken_off_deployment_left_is_dropped_by_the_next_start(tmp_path):
    state = State(tmp_path / "local")
    state.create()
    half_made = threading.Event()
    with state.dropped_if(half_made):
        (state.emulator / "stack").write_text("REVIEW_IN_PROGRESS")
        half_made.set()
        state.mark_saved()
    state.mark_unsaved()
    assert not (state.emulator / "stack").exists()


def test_what_a_complete_deployment_left_is_kept(tmp_path):
    state = State(tmp_path / "local")
    state.create()
    with state.dropped_if(threading.Event()):
        (state.emulator / "stack").write_text("CREATE_COMPLETE")
        state.mark_saved()
    state.mark_unsaved()
    assert (state.emulator / "stack").exists()
