"""How AWS is asked for what a configuration names."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber

from penstock.aws.facts import AwsFacts


@pytest.mark.parametrize("name", ["/shop/licence", "arn:aws:ssm:eu-central-1:111122223333:parameter/licence"])
def test_a_parameter_is_looked_for_as_it_is_named(name):
    # The ARN is the same for `licence` and `/licence`: only SSM knows which of them it is.
    ssm = boto3.client("ssm", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(ssm) as stub:
        stub.add_response("get_parameter", {"Parameter": {"Name": name}}, {"Name": name})
        stub.add_client_error("get_parameter", "ParameterNotFound")
        facts = AwsFacts(lambda _service: ssm)

        assert facts.parameter(name)
        assert not facts.parameter(name)
