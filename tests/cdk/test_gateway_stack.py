from __future__ import annotations

import json

import pytest

from gateway_lambda.routes import route_table
from gateway_lambda.settings import Settings
from penstock import environment
from penstock.catalogue import Catalogue
from penstock.kinds import Kind
from tests.cdk.templates import text

pytestmark = pytest.mark.synth


def test_the_api_has_exactly_the_methods_of_the_router(cloud):
    routes = {(path, method) for path, allowed in route_table().items() for method in allowed}

    assert cloud.methods().keys() == routes


def test_every_method_is_a_lambda_proxy_that_waits_longer_than_the_function_runs(cloud):
    function = cloud.properties("gateway", "AWS::Lambda::Function")

    for method in cloud.methods().values():
        assert method["Integration"]["Type"] == "AWS_PROXY"
        assert method["Integration"]["TimeoutInMillis"] == 29_000 > function["Timeout"] * 1000


def test_one_statement_lets_the_api_and_nobody_else_invoke_the_function(cloud):
    # One for each method would outgrow the 20 KB of a function's policy.
    permission = cloud.properties("gateway", "AWS::Lambda::Permission")

    assert permission["Action"] == "lambda:InvokeFunction"
    assert permission["Principal"] == "apigateway.amazonaws.com"
    source = text(permission["SourceArn"])
    assert source.startswith("arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:")
    assert source.endswith("/*/*/*")
    assert source.count("*") == 3


def test_the_variables_of_one_level_have_one_name(cloud):
    """API Gateway refuses a deployment otherwise."""
    names: dict[str, set[str]] = {}
    for path, _ in cloud.methods():
        *above, last = path.split("/")
        if last.startswith("{"):
            names.setdefault("/".join(above), set()).add(last.strip("{}").removesuffix("+"))

    assert {parent: found for parent, found in names.items() if len(found - {"proxy"}) > 1} == {}
    assert names["/async-function"] == names["/function"] == {"api"}


def test_the_function_runs_on_arm_with_its_own_log(cloud):
    function = cloud.properties("gateway", "AWS::Lambda::Function")

    assert function["FunctionName"] == "penstock-shop-gateway"
    assert function["Handler"] == "gateway_lambda.handler.handler"
    assert (function["Runtime"], function["Architectures"]) == ("python3.14", ["arm64"])
    assert (function["MemorySize"], function["Timeout"]) == (512, 28)
    assert "ReservedConcurrentExecutions" not in function
    assert "LogGroup" in function["LoggingConfig"]


def test_the_function_understands_its_environment(cloud):
    variables = cloud.properties("gateway", "AWS::Lambda::Function")["Environment"]["Variables"]
    variables = {name: text(value) for name, value in variables.items()}

    settings = environment.read(Settings, variables)

    assert (settings.deployment, settings.table) == ("shop", "penstock-shop")
    assert settings.bucket == "penstock-shop-<AWS::AccountId>-<AWS::Region>"
    own = "<AWS::Region>:<AWS::AccountId>"
    assert settings.state_machines == f"arn:<AWS::Partition>:states:{own}:stateMachine:"
    assert settings.console.startswith("https://<AWS::Region>.console.aws.amazon.com/cloudwatch/")
    assert variables["POWERTOOLS_SERVICE_NAME"] == "gateway"
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "Penstock"


def test_every_functions_bundle_knows_the_apis(cloud):
    files = list(cloud.folder.glob("cdk.out/asset.*/penstock/catalogue.json"))
    # What publishes numbers of tasks has a file of its own, with the policies alone.
    parts = cloud.by_part.keys() - {"scaling"}
    functions = [function for part in parts for function in cloud.of_type(part, "AWS::Lambda::Function")]

    assert len(files) == len(functions)
    [text] = {file.read_text() for file in files}
    catalogue = Catalogue.from_json(text)

    assert [api.name for api in catalogue.of(Kind.ASYNC)] == ["resize", "echo"]
    resize = catalogue.find("resize-images")
    assert (resize.retention_seconds, resize.inline_result_bytes) == (30 * 24 * 3600, 1000)
    assert resize.forward_headers == ("x-tenant",)
    assert resize.input_buckets == ("photos", "scans.2026")
    assert catalogue.find("echo").input_buckets == ()
    [convert] = catalogue.of(Kind.BATCH)
    assert (convert.name, convert.timeout_seconds, convert.max_attempts) == ("convert", 3600, 2)
    assert convert.dead_letter_queues == ("arn:aws:sqs:eu-west-1:111122223333:failed.fifo",)
    assert convert.webhook_url == "https://hooks.example.com/converted"


def test_the_api_is_regional_binary_and_refuses_old_tls(cloud):
    api = cloud.properties("gateway", "AWS::ApiGateway::RestApi")

    # The local launcher finds the API by this name.
    assert api["Name"] == "penstock-shop"
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert api["BinaryMediaTypes"] == ["*/*"]
    assert api["SecurityPolicy"] == "SecurityPolicy_TLS13_1_2_2021_06"
    assert api["EndpointAccessMode"] == "STRICT"


def test_the_stage_is_throttled_and_logged(cloud):
    stage = cloud.properties("gateway", "AWS::ApiGateway::Stage")

    [settings] = stage["MethodSettings"]
    assert stage["StageName"] == "live"
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (500, 500)
    line = json.loads(stage["AccessLogSetting"]["Format"])
    assert {"requestId", "caller", "method", "path", "status"} <= line.keys()


def test_the_accounts_log_setting_survives_the_stack(cloud):
    [account] = cloud.of_type("gateway", "AWS::ApiGateway::Account")

    assert account["DeletionPolicy"] == "Retain"


def test_what_api_gateway_answers_itself_is_a_problem_document(cloud):
    for response in cloud.of_type("gateway", "AWS::ApiGateway::GatewayResponse"):
        properties = response["Properties"]
        [body] = properties["ResponseTemplates"].values()
        problem = json.loads(body)

        assert list(problem) == ["type", "title", "status", "detail", "code"]
        assert problem["type"] == f"urn:penstock:problem:{problem['code']}"
        assert str(problem["status"]) == properties["StatusCode"]
        # No variables: their values are not escaped, and would break the document.
        assert "$" not in body
        headers = dict(properties["ResponseParameters"])
        assert headers.pop("gatewayresponse.header.Content-Type") == "'application/problem+json'"
        # What may soon be sent again says so. A quota is set by hand, for days or weeks.
        soon = problem["status"] in {429, 503} and properties["ResponseType"] != "QUOTA_EXCEEDED"
        assert headers.pop("gatewayresponse.header.Retry-After", None) == ("'1'" if soon else None)
        assert headers == (
            {"gatewayresponse.header.WWW-Authenticate": "'Bearer'"} if problem["status"] == 401 else {}
        )


def test_each_kind_of_refusal_has_a_status_of_its_own(cloud):
    responses = [r["Properties"] for r in cloud.of_type("gateway", "AWS::ApiGateway::GatewayResponse")]

    assert {response["ResponseType"]: int(response["StatusCode"]) for response in responses} == {
        "MISSING_AUTHENTICATION_TOKEN": 404,
        "RESOURCE_NOT_FOUND": 404,
        "REQUEST_TOO_LARGE": 413,
        "UNSUPPORTED_MEDIA_TYPE": 415,
        "THROTTLED": 429,
        "QUOTA_EXCEEDED": 429,
        "UNAUTHORIZED": 401,
        "INVALID_API_KEY": 403,
        "AUTHORIZER_FAILURE": 503,
        "AUTHORIZER_CONFIGURATION_ERROR": 503,
        "ACCESS_DENIED": 403,
        "EXPIRED_TOKEN": 403,
        "INVALID_SIGNATURE": 403,
        "WAF_FILTERED": 403,
        "INTEGRATION_TIMEOUT": 504,
        "INTEGRATION_FAILURE": 502,
        "DEFAULT_4XX": 400,
        "DEFAULT_5XX": 500,
    }


def test_the_outputs_have_plain_names(cloud):
    assert cloud.by_part["gateway"]["Outputs"].keys() == {"Url", "RestApiId"}
