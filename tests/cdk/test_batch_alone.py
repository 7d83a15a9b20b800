from __future__ import annotations

import aws_cdk
import pytest

from cdk import permissions
from cdk.arns import Arns
from penstock.config import AsyncApi, Container, Pod
from penstock.kinds import Kind

WORD_COUNT = AsyncApi(
    name="word-count", kind=Kind.ASYNC, pod=Pod(containers=(Container(name="server", image="words"),))
)


@pytest.mark.parametrize("apis", [[], [WORD_COUNT]], ids=["none", "one"])
def test_a_deployment_without_apis_for_single_requests_has_rights_that_aws_takes(apis):
    arns = Arns(aws_cdk.Stack(aws_cdk.App(), "stack"), "demo")

    assert permissions.gateway(arns, apis).validate_for_identity_policy() == []
