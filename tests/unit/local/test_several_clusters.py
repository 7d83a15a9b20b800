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
