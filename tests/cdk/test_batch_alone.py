from __future__ import annotations

import aws_cdk
import pytest

from cdk import permissions
from cdk.arns import Arns


@pytest.mark.parametrize("apis", [[], ["word-count"]])
def test_a_deployment_without_apis_for_single_requests_has_rights_that_aws_takes(apis):
    arns = Arns(aws_cdk.Stack(aws_cdk.App(), "stack"), "demo")

    for rights in (permissions.gateway(arns, apis, input_buckets=[]), permissions.publisher(arns, apis)):
        assert rights.validate_for_identity_policy() == []
