"""Who is let in, in each mode: no route without its guard, and what the guard may do itself."""

from __future__ import annotations

import sys
from subprocess import run

import pytest

from gateway_lambda.routes import route_table
from gateway_lambda.settings import AuthorizerSettings
from penstock import environment
from penstock.catalogue import Catalogue
from penstock.webhooks import own
from tests.cdk.templates import listed, text

pytestmark = pytest.mark.synth

ROUTES = {(path, method) for path, allowed in route_table().items() for method in allowed}
PUBLIC = {("/healthz", "GET")}
#: What the sender of webhooks calls to hand one API's result to the next.
OWN = {(own.ROUTE, "POST")}
TABLE = "arn:<AWS::Partition>:dynamodb:<AWS::Region>:<AWS::AccountId>:table/penstock-shop"


def authorization(templates):
    return {route: method["AuthorizationType"] for route, method in templates.methods().items()}


@pytest.mark.parametrize(
    ("stage", "type_"),
    [
        ("cloud", "AWS_IAM"),  # the default
        ("keyed", "CUSTOM"),
        ("keyed_local", "CUSTOM"),
    ],
)
def test_every_route_but_the_health_check_has_a_guard(request, stage, type_):
    found = authorization(request.getfixturevalue(stage))

    assert {route: found.pop(route) for route in PUBLIC} == dict.fromkeys(PUBLIC, "NONE")
    # On the emulator there is nothing to sign with.
    signed = "NONE" if stage == "keyed_local" else "AWS_IAM"
    assert {route: found.pop(route) for route in OWN} == dict.fromkeys(OWN, signed)
    assert found == dict.fromkeys(ROUTES - PUBLIC - OWN, type_)


def test_without_a_guard_only_where_that_was_written_or_on_the_emulator(open_to_all, local):
    assert authorization(local) == dict.fromkeys(ROUTES, "NONE")
    assert authorization(open_to_all) == dict.fromkeys(ROUTES, "NONE") | dict.fromkeys(OWN, "AWS_IAM")


@pytest.mark.parametrize("stage", ["cloud", "local", "open_to_all"])
def test_where_no_keys_are_taken_nothing_of_them_is_deployed(request, stage):
    templates = request.getfixturevalue(stage)

    for kind in ("Authorizer", "UsagePlan", "ApiKey"):
        assert templates.of_type("gateway", f"AWS::ApiGateway::{kind}") == []
    assert "ApiKeySourceType" not in templates.properties("gateway", "AWS::ApiGateway::RestApi")
    assert not any(method.get("ApiKeyRequired") for method in templates.methods().values())


def test_one_authorizer_guards_all_routes_and_is_asked_at_every_call(keyed):
    [(authorizer_id, authorizer)] = [
        (logical_id, resource["Properties"])
        for logical_id, resource in keyed.by_part["gateway"]["Resources"].items()
        if resource["Type"] == "AWS::ApiGateway::Authorizer"
    ]

    assert authorizer["Type"] == "REQUEST"
    # A kept answer would let a revoked key in, and would speak of another call.
    assert authorizer["AuthorizerResultTtlInSeconds"] == 0
    assert "IdentitySource" not in authorizer
    guards = {
        text(method["AuthorizerId"]) for route, method in keyed.methods().items() if route not in PUBLIC | OWN
    }
    assert guards == {f"<{authorizer_id}>"}


def test_api_gateway_counts_every_call_that_needs_a_key_by_what_the_authorizer_says(keyed):
    required = {route for route, method in keyed.methods().items() if method["ApiKeyRequired"]}

    assert required == ROUTES - PUBLIC - OWN
    assert keyed.properties("gateway", "AWS::ApiGateway::RestApi")["ApiKeySourceType"] == "AUTHORIZER"


def test_the_usage_plan_has_the_configured_limits_and_the_name_that_keys_are_added_by(keyed):
    plan = keyed.properties("gateway", "AWS::ApiGateway::UsagePlan")

    assert plan["UsagePlanName"] == "penstock-shop"
    assert plan["Throttle"] == {"RateLimit": 20.5, "BurstLimit": 30}
    [covered] = plan["ApiStages"]
    assert covered["Stage"]["Ref"] in {
        logical_id
        for logical_id, resource in keyed.by_part["gateway"]["Resources"].items()
        if resource["Type"] == "AWS::ApiGateway::Stage"
    }


def test_locally_calls_are_not_counted_because_the_emulator_takes_no_word_of_the_authorizer(
    keyed, keyed_local
):
    for cloud, local in zip(keyed.methods().items(), keyed_local.methods().items(), strict=True):
        (route, there), (same_route, here) = cloud, local
        assert route == same_route
        signed = {"AuthorizationType"} if route in OWN else set()
        assert {name for name in there if there[name] != here[name]} <= {"ApiKeyRequired"} | signed
        assert here["ApiKeyRequired"] is False


def test_the_authorizer_may_read_keys_and_nothing_else(keyed):
    policies = {
        policy["PolicyName"]: policy["PolicyDocument"]["Statement"]
        for policy in keyed.role("gateway", "authorizer")["Policies"]
    }
    [read, deployed] = policies.pop("authorizer")

    assert listed(read["Action"]) == ["dynamodb:GetItem"]
    assert [text(resource) for resource in listed(read["Resource"])] == [TABLE]
    assert read["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["KEY#*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    assert listed(deployed["Action"]) == ["ssm:GetParametersByPath"]
    assert policies.keys() == {"log"}


def test_only_api_gateway_may_call_the_authorizer(keyed):
    permissions = [resource["Properties"] for resource in keyed.of_type("gateway", "AWS::Lambda::Permission")]
    asking = [permission for permission in permissions if "/authorizers/" in text(permission["SourceArn"])]

    assert [permission["Principal"] for permission in asking] == ["apigateway.amazonaws.com"]


def test_the_authorizer_ends_before_api_gateway_stops_listening(keyed):
    function = keyed.function("gateway", "penstock-shop-authorizer")

    assert (function["Runtime"], function["Architectures"]) == ("python3.14", ["arm64"])
    assert function["Handler"] == "gateway_lambda.authorizer.handler"
    assert function["Timeout"] < 10


def test_the_authorizer_understands_its_environment(keyed):
    variables = keyed.function("gateway", "penstock-shop-authorizer")["Environment"]["Variables"]

    settings = environment.read(AuthorizerSettings, {name: text(value) for name, value in variables.items()})
    assert settings.table == "penstock-shop"


def bundled(templates):
    """The folder of the authorizer's code: the one without the gateway's handler."""
    [folder] = [
        file.parents[1]
        for file in templates.folder.glob("cdk.out/asset.*/gateway_lambda/authorizer.py")
        if not (file.parent / "handler.py").exists()
    ]
    return folder


def test_the_authorizers_bundle_knows_the_apis_and_holds_nothing_of_pypi(keyed):
    folder = bundled(keyed)

    catalogue = Catalogue.from_json((folder / "penstock" / "catalogue.json").read_text())
    assert catalogue.find("say").name == "echo"
    assert {path.name for path in folder.iterdir()} == {"gateway_lambda", "penstock"}
    assert len(list(folder.rglob("*.py"))) < 30


def test_the_authorizer_runs_from_its_bundle(keyed):
    program = """
import os, sys
from gateway_lambda import authorizer
assert authorizer.__file__.startswith(os.getcwd()), authorizer.__file__
assert not {"chalice", "aws_lambda_powertools", "pydantic"} & set(sys.modules)
try:
    authorizer.handler({"headers": None, "methodArn": "x", "pathParameters": None}, None)
except Exception as error:
    print(error)
"""
    ended = run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, '.')\n{program}"],
        cwd=bundled(keyed),
        env={
            "PENSTOCK_DEPLOYMENT": "shop",
            "PENSTOCK_TABLE": "t",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    # The very word that API Gateway makes a 401 of.
    assert ended.stdout == "Unauthorized\n"
