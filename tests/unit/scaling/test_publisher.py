"""What the scaling function tells, look after look and minute after minute."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from penstock.catalogue import ApiEntry
from penstock.deployed import DeployedApi
from penstock.overview import Crew, Depth
from penstock.ports import DependencyError
from penstock.scaling.decision import ScalingPolicy
from penstock.scaling.ports import Measure
from penstock.testing.clock import ManualClock
from penstock.testing.deployed import MemoryDeployedApis
from penstock.testing.scaling import MemoryCrews, MemoryHistories, MemoryMetrics
from scaling_lambda import minute, settings
from scaling_lambda.publisher import Publisher, ScaledApi
from scaling_lambda.served import Served
from scaling_lambda.settings import members_of

NOW_MS = 1_700_000_000_000
POLICY = ScalingPolicy(min_replicas=0, max_replicas=10)


class Queues:
    def __init__(self, depths: dict[str, Depth | None]) -> None:
        self.depths = depths

    def depth(self, api: str) -> Depth:
        depth = self.depths[api]
        if depth is None:
            raise DependencyError("throttled")
        return depth


class Bench:
    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.clock = ManualClock(NOW_MS)
        self.queues = Queues({"a": Depth(7, 2), "b": Depth(0, 0)})
        self.crews = MemoryCrews({"a": Crew(2, 1), "b": Crew(3, 3)})
        self.metrics, self.histories = MemoryMetrics(), MemoryHistories()
        self.oldest = {"a": NOW_MS - 90_000}
        self.on_instances: set[str] = set()
        self.departed = MemoryDeployedApis()
        self._executor = executor
        self.publisher = self.another()

    def another(self, *, init_replicas: int = 0) -> Publisher:
        configured = [
            ScaledApi(
                name=name,
                policy=POLICY,
                own_cluster="ec2" if name in self.on_instances else None,
                init_replicas=init_replicas,
            )
            for name in self.queues.depths
            if name not in self.departed.texts
        ]
        return Publisher(
            Served("shop", configured, deployed=self.departed),
            queues=self.queues,
            crews=self.crews,
            oldest_open_ms=self.oldest.get,
            metrics=self.metrics,
            histories=self.histories,
            executor=self._executor,
            clock=self.clock,
        )

    def run(self, publisher: Publisher | None = None) -> minute.Minute:
        return minute.run(
            publisher or self.publisher,
            clock=self.clock,
            sleep=self.clock.advance,
        )


@pytest.fixture
def bench():
    with ThreadPoolExecutor(4) as executor:
        yield Bench(executor)


def test_tells_what_is_missing_with_one_put_for_all_apis(bench):
    bench.publisher.look(ages=True)

    assert len(bench.metrics.puts) == 1
    assert bench.metrics.latest("a") == {
        Measure.TASKS_MISSING: 7,
        Measure.TASKS_SPARE: 0,
        Measure.IN_FLIGHT: 9,
        Measure.BACKLOG_PER_TASK: 4.5,
        Measure.TASKS_DESIRED: 2,
        Measure.TASKS_RUNNING: 1,
        Measure.OLDEST_AGE: 90,
    }


class OneClusterThrottled:
    """Services of which those of one API cannot be read."""

    def __init__(self, crews: MemoryCrews, api: str) -> None:
        self.crews, self.api = crews, api

    def counts(self, apis):
        if self.api in apis:
            raise DependencyError("throttled")
        return self.crews.counts(apis)


def test_an_api_whose_own_cluster_cannot_be_read_does_not_hold_up_the_others(bench):
    bench.on_instances, bench.crews = {"a"}, OneClusterThrottled(bench.crews, "a")

    look = bench.another().look(ages=False)

    assert (look.decided, look.failed) == (("b",), ("a",))


def test_apis_in_clusters_of_their_own_are_decided_on_like_the_others(bench):
    bench.on_instances = {"a", "b"}

    look = bench.another().look(ages=False)

    assert look.decided == ("a", "b")
    assert bench.metrics.latest("a")[Measure.TASKS_MISSING] == 7


def test_an_api_that_cannot_be_read_does_not_hold_up_the_others(bench):
    bench.queues.depths["a"] = None

    look = bench.publisher.look(ages=False)

    assert (look.decided, look.failed) == (("b",), ("a",))
    assert {value.api for _, values in bench.metrics.puts for value in values} == {"b"}


def test_an_api_without_a_service_yet_is_left_out(bench):
    del bench.crews.crews["b"]

    assert bench.publisher.look(ages=False).failed == ("b",)


def test_a_minute_is_six_looks_ten_seconds_apart(bench):
    assert bench.run() == minute.Minute(looks=6)
    assert [at_ms - NOW_MS for at_ms, _ in bench.metrics.puts] == [0, 10_000, 20_000, 30_000, 40_000, 50_000]


def test_another_function_goes_on_with_what_the_last_one_knew(bench):
    for _ in range(6):
        bench.run()
        bench.clock.advance(10)
    assert bench.metrics.latest("b")[Measure.TASKS_SPARE] == 2

    bench.run(bench.another())

    assert bench.metrics.latest("b")[Measure.TASKS_SPARE] == 2


def test_functions_that_take_turns_know_what_the_other_saw(bench):
    other = bench.another()
    for _ in range(6):
        bench.run()
        bench.clock.advance(10)
    bench.queues.depths["b"] = Depth(3, 0)
    bench.run(other)
    bench.queues.depths["b"] = Depth(0, 0)
    bench.clock.advance(20)

    bench.run()

    assert bench.metrics.latest("b")[Measure.TASKS_SPARE] == 0


def test_a_look_that_fails_is_followed_by_the_next(bench):
    put, failures = bench.metrics.put, iter([True, True])

    def fail_twice(values, *, at_ms):
        if next(failures, False):
            raise DependencyError("down")
        put(values, at_ms=at_ms)

    bench.metrics.put = fail_twice

    assert bench.run() == minute.Minute(looks=4, faults=2)


def test_without_its_memory_it_still_says_what_is_missing(bench):
    def fail(_histories):
        raise DependencyError("down")

    bench.histories.load = bench.histories.save = fail

    assert bench.run() == minute.Minute(looks=6, faults=2)
    assert bench.metrics.latest("a")[Measure.TASKS_MISSING] == 7


@pytest.fixture
def new(bench):
    """One API without requests, whose service has just been made with its one task."""
    bench.queues.depths = {"b": Depth(0, 0)}
    bench.crews.crews = {"b": Crew(1, 0)}
    return bench


def missing(bench) -> float:
    return bench.metrics.latest("b")[Measure.TASKS_MISSING]


def test_a_new_api_goes_on_to_its_first_number_of_tasks(new):
    new.run(new.another(init_replicas=4))
    assert missing(new) == 3


def test_the_first_number_is_asked_for_until_it_is_reached_whatever_functions_end_meanwhile(new):
    for _ in range(3):
        new.run(new.another(init_replicas=4))
        assert missing(new) == 3

    new.crews.crews["b"] = Crew(4, 1)
    new.run(new.another(init_replicas=4))
    assert missing(new) == 0


def test_the_first_number_is_never_asked_for_again(new):
    new.crews.crews["b"] = Crew(4, 4)
    new.run(new.another(init_replicas=4))

    new.crews.crews["b"] = Crew(1, 1)
    new.run(new.another(init_replicas=4))
    # Nor by a later deployment with another.
    new.run(new.another(init_replicas=9))

    assert missing(new) == 0


def test_tasks_of_the_beginning_go_again_if_nothing_comes(new):
    publisher = new.another(init_replicas=4)
    new.crews.crews["b"] = Crew(4, 4)
    for _ in range(6):
        new.run(publisher)
        new.clock.advance(10)
    assert new.metrics.latest("b")[Measure.TASKS_SPARE] > 0


def test_an_api_of_which_nothing_can_be_remembered_is_taken_for_one_that_has_begun(new):
    def fail(_apis):
        raise DependencyError("down")

    new.histories.load = fail

    new.run(new.another(init_replicas=4))

    assert missing(new) == 0


def test_policies_and_first_numbers_survive_their_file():
    apis = (
        ScaledApi(name="a", policy=POLICY, init_replicas=3),
        ScaledApi(name="b", policy=ScalingPolicy(target_in_flight=2.5)),
    )
    assert settings.from_json(settings.to_json(apis)) == apis


def _leave(bench: Bench, name: str) -> None:
    """The API has left the configuration, and its stack is there."""
    entry = ApiEntry(
        name=name,
        endpoint=name,
        timeout_seconds=60,
        max_attempts=3,
        retention_seconds=60,
        inline_result_bytes=0,
    )
    scaled = ScaledApi(name=name, policy=POLICY, own_cluster="ec2")
    bench.departed.add(DeployedApi(entry, members_of(scaled)))


def test_an_api_that_has_left_the_configuration_is_scaled_as_long_as_its_stack_is_there(bench):
    _leave(bench, "b")
    bench.queues.depths["b"] = Depth(5, 0)
    bench.run(bench.another())

    assert bench.metrics.latest("b")[Measure.TASKS_MISSING] > 0


def test_the_others_are_scaled_while_nobody_knows_what_has_left(bench):
    bench.departed.reachable = False

    seen = bench.run(bench.another())

    assert (seen.looks, seen.faults) == (6, 1)
    assert Measure.TASKS_MISSING in bench.metrics.latest("a")
