"""A deployment's clusters, seen as one."""

from __future__ import annotations

from localstack.several_clusters import SeveralClusters
from localstack.testing import FakeCluster, task_definition


def test_services_of_all_clusters_are_seen_and_each_is_kept_going_in_its_own():
    shared, own = FakeCluster("penstock-demo"), FakeCluster("penstock-demo_train")
    shared.create_service("echo", task_definition())
    own.create_service("train", task_definition(), desired_count=2)
    clusters = SeveralClusters({"penstock-demo": shared, "penstock-demo_train": own})

    echo, train = clusters.services()
    assert (echo.name, train.name, len(train.tasks)) == ("echo", "train", 2)

    clusters.stop_task(train.tasks[0].arn, reason="Spot")
    assert (shared.stopped, own.stopped) == ([], [(train.tasks[0].arn, "Spot")])
    clusters.reconcile("train")
    assert [len(service.tasks) for service in clusters.services()] == [1, 2]


def test_a_service_is_deployed_in_its_own_cluster_which_says_what_was_replaced():
    shared, own = FakeCluster("penstock-demo"), FakeCluster("penstock-demo_train")
    own.create_service("train", task_definition(1))
    own.register(task_definition(2))
    clusters = SeveralClusters({"penstock-demo": shared, "penstock-demo_train": own})
    [before] = clusters.services()

    clusters.deploy("train", task_definition(2).arn)

    [after] = clusters.services()
    assert after.definition == task_definition(2).arn
    assert clusters.was_replaced(before.tasks[0].arn)
    assert not clusters.was_replaced(after.tasks[0].arn)
