"""Who gets through the resource policy, by an evaluation of its statements as IAM makes it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Any

import aws_cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigateway import AuthorizationType

from cdk import access, stage
from cdk.admission import Admission
from cdk.front_door import FrontDoor
from penstock.config import Access, Auth, Config
from penstock.config.access import MOST_CHARACTERS
from tests.cdk.templates import Templates, listed, text

pytestmark = pytest.mark.synth

OWN, OTHER, STRANGE = "<AWS::AccountId>", "222233334444", "999900001111"
OFFICE, ELSEWHERE = "203.0.113.7", "198.51.100.1"
SENDER = f"arn:<AWS::Partition>:iam::{OWN}:role/penstock-shop-webhooks-<AWS::Region>"
SUBMIT, CHAIN, HEALTH = "POST/async/echo", "POST/chain/echo", "GET/healthz"


@dataclass(frozen=True)
class Call:
    """What API Gateway knows of a call. Callers that do not sign have no account."""

    route: str = SUBMIT
    ip: str = OFFICE
    account: str | None = OWN
    role: str = "role/caller"
    organization: str | None = None
    endpoint: str | None = None

    @property
    def arn(self) -> str | None:
        if self.account is None:
            return None
        return self.role if self.role.startswith("arn:") else f"arn:aws:iam::{self.account}:{self.role}"

    def value(self, key: str) -> str | None:
        return {
            "aws:SourceIp": self.ip,
            "aws:SourceVpce": self.endpoint,
            "aws:PrincipalAccount": self.account,
            "aws:PrincipalArn": self.arn,
            "aws:PrincipalOrgID": self.organization,
        }[key]


def holds(operator: str, wanted: list[str], found: str | None) -> bool:
    """One condition. Negated ones hold where the key is missing, as in IAM."""
    if operator.startswith("Not") or "Not" in operator:
        return not holds(operator.replace("Not", ""), wanted, found)
    if found is None:
        return False
    match operator:
        case "StringEquals":
            return found in wanted
        case "ArnEquals":
            return found in wanted
        case "IpAddress":
            return any(
                ip_address(found).version == ip_network(one).version and ip_address(found) in ip_network(one)
                for one in wanted
            )
    raise AssertionError(operator)


def concerns(statement: dict[str, Any], call: Call) -> bool:
    principals = [text(principal) for principal in listed(statement["Principal"]["AWS"])]
    meant = "*" in principals or (
        call.account is not None
        and any(one in (call.arn, f"arn:<AWS::Partition>:iam::{call.account}:root") for one in principals)
    )
    resource = text(statement["Resource"]).removeprefix("execute-api:/live/")
    return (
        meant
        and fnmatchcase(call.route, resource)
        and all(
            holds(operator, [text(one) for one in listed(values)], call.value(key))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def let_in(call: Call, *, mode: str = "iam", **configured: Any) -> bool:
    """Whether the policy alone lets the call through. Rights of the caller's own come on top."""
    policy = access.policy(Access(**configured), auth=Auth(mode=mode), deployment="shop")
    assert policy is not None
    statements = aws_cdk.Stack(aws_cdk.App(), "s").resolve(policy)["Statement"]
    effects = {statement["Effect"] for statement in statements if concerns(statement, call)}
    return "Deny" not in effects and "Allow" in effects


def test_without_a_word_there_is_no_policy():
    assert access.policy(Access(), auth=Auth(), deployment="shop") is None


@pytest.mark.parametrize("mode", ["iam", "api_key", "none"])
def test_calls_come_from_the_addresses_that_are_listed_and_from_no_others(mode):
    account = OWN if mode == "iam" else None
    for route in (SUBMIT, HEALTH):
        for ip, expected in ((OFFICE, True), (ELSEWHERE, False), ("2001:db8::1", False)):
            call = Call(route, ip=ip, account=account)
            assert let_in(call, mode=mode, source_ips=["203.0.113.0/24"]) is expected, call


@pytest.mark.parametrize("mode", ["iam", "api_key", "none"])
def test_one_api_calls_the_next_wherever_the_sender_of_webhooks_runs(mode):
    own = Call(CHAIN, ip=ELSEWHERE, account=OWN, role=SENDER)

    assert let_in(own, mode=mode, source_ips=["203.0.113.0/24"])
    # Nobody else's signature opens the way around the addresses.
    assert not let_in(Call(CHAIN, ip=ELSEWHERE), mode=mode, source_ips=["203.0.113.0/24"])


@pytest.mark.parametrize("mode", ["iam", "api_key", "none"])
def test_no_other_account_calls_as_if_it_were_one_of_our_apis(mode):
    configured: dict[str, Any] = (
        {"accounts": [OTHER]} if mode == "iam" else {"source_ips": ["203.0.113.0/24"]}
    )

    assert let_in(Call(CHAIN), mode=mode, **configured)
    assert not let_in(Call(CHAIN, account=OTHER), mode=mode, **configured)
    # Such calls are signed: API Gateway itself asks for that.
    assert not let_in(Call(CHAIN, account=None), mode=mode, **configured)


def test_a_signature_alone_is_no_ticket_for_other_accounts():
    configured: dict[str, Any] = {"source_ips": ["203.0.113.0/24"]}

    assert let_in(Call(), **configured)
    assert not let_in(Call(account=STRANGE), **configured)


def test_accounts_principals_and_members_of_organizations_come_on_top_of_our_own():
    configured: dict[str, Any] = {
        "accounts": [OTHER],
        "principals": ["arn:aws:iam::333344445555:role/caller"],
        "organizations": ["o-a1b2c3d4e5"],
    }

    assert let_in(Call(), **configured)
    assert let_in(Call(account=OTHER), **configured)
    assert let_in(Call(account="333344445555"), **configured)
    assert not let_in(Call(account="333344445555", role="role/another"), **configured)
    assert let_in(Call(account=STRANGE, organization="o-a1b2c3d4e5"), **configured)
    assert not let_in(Call(account=STRANGE, organization="o-zzzzzzzzzz"), **configured)
    assert not let_in(Call(account=STRANGE), **configured)


def test_the_health_check_asks_for_no_account():
    assert let_in(Call(HEALTH, account=None), accounts=[OTHER])
    assert not let_in(Call(SUBMIT, account=None), accounts=[OTHER])


def test_the_sender_of_webhooks_has_the_name_that_lets_it_in(sealed):
    """CloudFormation's own names hold 25 characters of the stack's, which may end before the part's name."""
    [role] = [role for part, role in sealed.roles() if part == "webhooks" and "RoleName" in role]

    assert text(role["RoleName"]) == SENDER.rpartition("/")[2]
    assert "execute-api:Invoke" in json.dumps(role["Policies"])


def test_a_private_api_is_called_through_its_endpoints_alone():
    configured: dict[str, Any] = {"vpc_endpoints": ["vpce-01234567"]}

    assert let_in(Call(endpoint="vpce-01234567"), **configured)
    assert not let_in(Call(endpoint="vpce-89abcdef"), **configured)
    assert not let_in(Call(endpoint=None), **configured)


def test_a_private_api_is_private(tmp_path):
    config = Config.model_validate(
        {
            "deployment": "shop",
            "access": {"vpc_endpoints": ["vpce-01234567"]},
            "apis": [
                {
                    "name": "echo",
                    "kind": "AsyncAPI",
                    "pod": {"containers": [{"name": "server", "image": "x"}]},
                }
            ],
        }
    )
    app = aws_cdk.App(outdir=str(tmp_path))
    stack = aws_cdk.Stack(app, "gateway")
    signed = Admission(authorization=AuthorizationType.IAM)
    FrontDoor(
        stack,
        "FrontDoor",
        config=config,
        stage=stage.named("cloud"),
        function=lambda_.Function.from_function_name(stack, "Function", "gateway"),
        admission=signed,
        own_calls=signed,
    )
    made = Templates({"gateway": app.synth().get_stack_by_name("gateway").template}, tmp_path)

    api = made.properties("gateway", "AWS::ApiGateway::RestApi")
    assert api["EndpointConfiguration"] == {"Types": ["PRIVATE"], "VpcEndpointIds": ["vpce-01234567"]}
    assert api["Policy"]["Statement"]


def test_a_changed_policy_is_deployed(cloud, sealed):
    """API Gateway goes on with the old one otherwise."""

    def deployments(templates):
        resources = templates.by_part["gateway"]["Resources"]
        return {key for key, value in resources.items() if value["Type"] == "AWS::ApiGateway::Deployment"}

    assert "Policy" in sealed.properties("gateway", "AWS::ApiGateway::RestApi")
    assert "Policy" not in cloud.properties("gateway", "AWS::ApiGateway::RestApi")
    assert deployments(cloud) != deployments(sealed)


def test_the_longest_lists_that_are_taken_fit_into_a_policy():
    configured: dict[str, Any] = {
        "source_ips": [f"203.0.{number}.0/24" for number in range(50)],
        "accounts": [f"{number:012}" for number in range(50)],
        "principals": [f"arn:aws:iam::111122223333:role/{number}{'r' * 19}" for number in range(50)],
        "organizations": [f"o-{number:010}" for number in range(45)],
    }
    longest = Access(**configured)
    assert MOST_CHARACTERS - 50 < longest.characters <= MOST_CHARACTERS

    policy = access.policy(longest, auth=Auth(), deployment="a" * 16)

    assert len(json.dumps(written(aws_cdk.Stack(aws_cdk.App(), "s").resolve(policy)))) < 8192


def written(value: Any) -> Any:
    """The policy as API Gateway gets it."""
    if isinstance(value, list):
        return [written(one) for one in value]
    if isinstance(value, dict) and not value.keys() & {"Fn::Join", "Ref"}:
        return {key: written(one) for key, one in value.items()}
    known = {"<AWS::AccountId>": "1" * 12, "<AWS::Partition>": "aws-us-gov", "<AWS::Region>": "us-gov-west-1"}
    return re.sub("<.*?>", lambda found: known[found[0]], text(value))
