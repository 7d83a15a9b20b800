"""The state machine, as far as its text tells: Step Functions itself checks it only when it is deployed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.cdk.templates import text

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.synth

State = dict[str, Any]

#: Amazon States Language: what a state of each type may have, and what it must.
COMMON = {"Type", "Comment"}
ONWARD = {"Next", "End", "InputPath", "OutputPath"}
RESULT = {"Parameters", "ResultSelector", "ResultPath", "Retry", "Catch"}
FIELDS = {
    "Task": ({"Resource"}, ONWARD | RESULT | {"TimeoutSeconds", "HeartbeatSeconds"}),
    "Parallel": ({"Branches"}, ONWARD | RESULT),
    "Map": (
        {"ItemProcessor", "ItemReader"},
        ONWARD | RESULT | {"ItemSelector", "MaxConcurrency", "ToleratedFailurePercentage", "Label"},
    ),
    "Choice": ({"Choices"}, {"Default", "InputPath", "OutputPath"}),
    "Wait": ({"SecondsPath"}, ONWARD),
    "Pass": (set(), ONWARD | {"Result", "ResultPath", "Parameters"}),
    "Succeed": (set(), {"InputPath", "OutputPath"}),
}

#: What CloudFormation fills in, and ``to_json_string`` leaves as tokens.
FUNCTIONS = "arn:<AWS::Partition>:lambda:<AWS::Region>:<AWS::AccountId>:function:penstock-shop-batch-"


@pytest.fixture(scope="module")
def definition(cloud) -> State:
    machine = cloud.properties("api-convert", "AWS::StepFunctions::StateMachine")
    read: State = json.loads(text(machine["DefinitionString"]))
    return read


def machines(definition: State) -> Iterator[State]:
    """The machine and all that are inside of it."""
    yield definition
    for state in definition["States"].values():
        for inner in state.get("Branches", []):
            yield from machines(inner)
        if "ItemProcessor" in state:
            yield from machines(state["ItemProcessor"])


def states(definition: State) -> list[tuple[str, State]]:
    return [named for machine in machines(definition) for named in machine["States"].items()]


def of_type(definition: State, kind: str) -> dict[str, State]:
    return {name: state for name, state in states(definition) if state["Type"] == kind}


def onward(state: State) -> set[str]:
    """Where a state may lead."""
    ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return {way["Next"] for way in ways if "Next" in way} | (
        {state["Default"]} if "Default" in state else set()
    )


def steps(definition: State) -> dict[str, tuple[str, State]]:
    """Steps that functions take: by its name, the function and the state."""
    found = {}
    for state in of_type(definition, "Task").values():
        if state["Resource"].endswith("lambda:invoke"):
            parameters = state["Parameters"]
            found[parameters["Payload"]["step"]] = (parameters["FunctionName"], state)
    return found


def workers(definition: State) -> list[State]:
    tasks = of_type(definition, "Task").values()
    return [task for task in tasks if task["Resource"].endswith("ecs:runTask.sync")]


def test_each_state_has_what_its_type_must_have_and_nothing_it_may_not(definition):
    for name, state in states(definition):
        must, may = FIELDS[state["Type"]]
        assert must <= state.keys(), name
        assert state.keys() <= must | may | COMMON, name
        if "Next" in may:
            assert ("Next" in state) is not ("End" in state), name


def test_each_state_is_reached_and_leads_to_one_that_exists(definition):
    for machine in machines(definition):
        inside = machine["States"]
        reached: set[str] = set()
        pending = {machine["StartAt"]}
        while pending:
            reached |= pending
            pending = {target for name in pending for target in onward(inside[name])} - reached
        assert reached == inside.keys()


def test_no_two_states_have_the_same_name_and_none_is_too_long(definition):
    found = [name for name, _ in states(definition)]

    assert len(found) == len(set(found))
    assert max(len(name) for name in found) <= 80


def test_each_function_that_is_called_exists(cloud, definition):
    deployed = {f["Properties"]["FunctionName"] for f in cloud.of_type("batch", "AWS::Lambda::Function")}

    called = {function for function, _ in steps(definition).values()}
    assert {function.removeprefix(FUNCTIONS) for function in called} == {"plan", "enqueue", "finish"}
    assert deployed == {f"penstock-shop-batch-{name}" for name in ("plan", "enqueue", "finish")}


def test_each_step_is_taken_by_its_function(definition):
    assert {step: function.removeprefix(FUNCTIONS) for step, (function, _) in steps(definition).items()} == {
        "prepare": "plan",
        "plan": "plan",
        "seal": "plan",
        "enqueue": "enqueue",
        "enqueue_failed": "finish",
        "lane": "finish",
        "finish": "finish",
    }


def test_each_call_of_a_function_is_told_its_job_is_bounded_in_time_and_tried_again(definition):
    for step, (_, state) in steps(definition).items():
        payload = state["Parameters"]["Payload"]
        assert (payload["api.$"], payload["job.$"]) == ("$.api", "$.job"), step
        assert state["TimeoutSeconds"] == 960
        first, service, everything = state["Retry"]
        # Input at fault is not tried again, whatever else the last line says.
        assert first == {"ErrorEquals": ["InputFault"], "MaxAttempts": 0}
        assert "Lambda.TooManyRequestsException" in service["ErrorEquals"]
        assert everything["ErrorEquals"] == ["States.ALL"]
        assert service["BackoffRate"] > 1
        assert service["JitterStrategy"] == everything["JitterStrategy"] == "FULL"


def test_whatever_fails_before_the_end_leads_to_the_end(definition):
    outer = definition["States"]
    [enqueuing, _] = outer["Enqueue and work"]["Branches"]

    assert [outer[name]["Catch"][0]["Next"] for name in ("Prepare", "Enqueue and work")] == 2 * ["Finish"]
    assert {name for name, state in enqueuing["States"].items() if state["Type"] in {"Task", "Map"}} - {
        name for name, state in enqueuing["States"].items() if "Catch" in state
    } == {"Enqueuing failed"}
    for state in workers(definition):
        assert state["Catch"][0]["ErrorEquals"] == ["States.ALL"]


def test_what_thousands_of_children_return_together_is_next_to_nothing(definition):
    for name, state in states(definition):
        if state["Type"] in {"Map", "Parallel"}:
            assert state["ResultPath"] is None, name
        if state["Type"] == "Map":
            ends = [inner for inner in state["ItemProcessor"]["States"].values() if inner.get("End")]
            assert [(end["Type"], end["Result"]) for end in ends] == [("Pass", {})], name


def test_of_a_functions_answer_only_what_is_needed_is_kept(definition):
    for step, (_, state) in steps(definition).items():
        assert "ResultSelector" in state or state.get("ResultPath", "") is None, step


def test_maps_are_distributed_over_lines_in_s3(definition):
    maps = of_type(definition, "Map")

    assert maps.keys() == {"Enqueue chunks", "Worker lanes"}
    for name, lines in (("Enqueue chunks", "chunks"), ("Worker lanes", "lanes")):
        state = maps[name]
        assert state["ItemProcessor"]["ProcessorConfig"] == {
            "Mode": "DISTRIBUTED",
            "ExecutionType": "STANDARD",
        }
        assert state["ItemReader"]["Resource"].endswith(":states:::s3:getObject")
        assert state["ItemReader"]["ReaderConfig"] == {"InputType": "JSONL"}
        assert state["ItemReader"]["Parameters"] == {
            "Bucket": "penstock-shop-<AWS::AccountId>-<AWS::Region>",
            "Key.$": f"States.Format('jobs/{{}}/{{}}/{lines}.jsonl', $.api, $.job)",
        }


def test_one_lost_chunk_fails_the_enqueuing_and_one_lost_lane_nothing(definition):
    maps = of_type(definition, "Map")

    assert "ToleratedFailurePercentage" not in maps["Enqueue chunks"]
    assert maps["Enqueue chunks"]["MaxConcurrency"] == 100
    assert maps["Worker lanes"]["ToleratedFailurePercentage"] == 100
    # All workers at once, up to Step Functions' 10,000.
    assert "MaxConcurrency" not in maps["Worker lanes"]


def test_a_worker_is_a_task_of_the_apis_latest_definition_in_the_deployments_network(cloud, definition):
    family = cloud.properties("api-convert", "AWS::ECS::TaskDefinition")["Family"]

    for state in workers(definition):
        told = state["Parameters"]
        assert told["TaskDefinition"] == family == "penstock-shop-convert"
        assert told["Cluster"] == "penstock-shop"
        network = told["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network["Subnets.$"].startswith("States.StringSplit('")
        assert network["AssignPublicIp"] == "ENABLED"


def test_a_worker_and_the_writer_of_its_spec_are_told_their_job(cloud, definition):
    for state in workers(definition):
        overrides = state["Parameters"]["Overrides"]["ContainerOverrides"]
        assert overrides == [
            {"Name": name, "Environment": [{"Name": "PENSTOCK_JOB_ID", "Value.$": "$.job"}]}
            for name in ("dequeuer", "spec")
        ]
        for override in overrides:
            assert cloud.container("api-convert", override["Name"])


def test_a_lane_waits_as_long_as_it_is_told_and_then_runs_another_worker(definition):
    inside = of_type(definition, "Map")["Worker lanes"]["ItemProcessor"]["States"]

    assert inside["Pause"] == {"Type": "Wait", "SecondsPath": "$.next.wait_seconds", "Next": "Run a worker"}
    assert inside["Another worker?"]["Default"] == "Lane over"
