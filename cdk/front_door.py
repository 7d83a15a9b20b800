"""The REST API in front of the gateway's function. Its methods come from the function's own router."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Duration, RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk import access, gateway_responses
from cdk.acknowledged import acknowledge
from cdk.admission import Admission
from cdk.domain import TLS_POLICY, Domain
from cdk.stage import STAGE_NAME
from cdk.webhooks import REST_API_ID
from gateway_lambda.routes import route_table
from penstock import names
from penstock.webhooks import own

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_lambda as lambda_

    from cdk.stage import Stage
    from penstock.config import Config
    from penstock.config import Domain as DomainConfig

#: The one route that says nothing about anybody's requests, and that load balancers must reach.
_PUBLIC = frozenset({("/healthz", "GET")})
#: What the sender of webhooks calls, and nobody else.
_OWN = frozenset({(own.ROUTE, "POST")})
_NOTHING_ASKED = Admission(authorization=apigateway.AuthorizationType.NONE)

#: A deployment must not use up the account's Lambda concurrency, 1,000 by default, on its own.
_REQUESTS_PER_SECOND = 500
_BURST_REQUESTS = 500

_ACCESS_LOG = {
    "requestId": "$context.requestId",
    "caller": "$context.identity.userArn",
    # The id of the API key, where those are taken.
    "key": "$context.authorizer.principalId",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    # The path as sent, since the route alone does not say which request was asked for.
    "path": "$context.path",
    "route": "$context.resourcePath",
    "status": "$context.status",
    "latency_ms": "$context.responseLatency",
    "bytes": "$context.responseLength",
    "error": "$context.error.responseType",
}


class FrontDoor(Construct):
    """API, methods, its own answers as problem documents, and the access log."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        config: Config,
        stage: Stage,
        function: lambda_.IFunction,
        admission: Admission,
        own_calls: Admission,
    ) -> None:
        super().__init__(scope, id_)
        deployment, domain = config.deployment, stage.domain(config.domain)
        api = self._add_api(deployment)
        if stage.guarded:
            _guard(api, config)
        special = dict.fromkeys(_PUBLIC, _NOTHING_ASKED) | dict.fromkeys(_OWN, own_calls)
        self._add_methods(api, function, admission, special)
        if admission.throttle is not None:
            _take_keys(api, deployment, admission.throttle)
        _answer_in_problems(api)
        if domain is not None:
            self._add_domain(api, domain)
        # Plain names, for those who look the outputs up; CDK's own has a generated one.
        api.node.try_remove_child("Endpoint")
        url = api.url if domain is None else f"{stage.base_url(api.rest_api_id, domain)}/"
        self._output("Url", url, "Base URL of the HTTP API")
        self._output("RestApiId", api.rest_api_id, "Id of the REST API")
        # For events, which link here, and for callbacks from one of our APIs to another.
        ssm.StringParameter(
            self,
            "RestApiIdParameter",
            parameter_name=names.parameter(deployment, REST_API_ID),
            string_value=api.rest_api_id,
        )

    def _add_domain(self, api: apigateway.RestApi, domain: DomainConfig) -> None:
        named = Domain(self, "Domain", domain=domain, api=api)
        self._output("DomainTarget", named.regional_name, f"What a record for {domain.name} leads to")
        _definition(api).disable_execute_api_endpoint = not domain.default_endpoint

    def _output(self, name: str, value: str, description: str) -> None:
        output = CfnOutput(self, name, value=value, description=description)
        output.override_logical_id(name)

    def _add_api(self, deployment: str) -> apigateway.RestApi:
        name = names.rest_api(deployment)
        log_group = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/apigateway/{name}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=name,
            endpoint_configuration=apigateway.EndpointConfiguration(types=[apigateway.EndpointType.REGIONAL]),
            # Payloads and results are bytes of any kind; text would be decoded and mangled on the way.
            binary_media_types=["*/*"],
            # Access logs need this role once per account and region. It stays when the stack goes:
            # the setting is shared by all APIs of the account.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN,
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE_NAME,
                throttling_rate_limit=_REQUESTS_PER_SECOND,
                throttling_burst_limit=_BURST_REQUESTS,
                access_log_destination=apigateway.LogGroupLogDestination(log_group),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(_ACCESS_LOG)),
            ),
        )
        _refuse_old_tls(api)
        _acknowledge(api)
        return api

    def _add_methods(
        self,
        api: apigateway.RestApi,
        function: lambda_.IFunction,
        admission: Admission,
        special: Mapping[tuple[str, str], Admission],
    ) -> None:
        integration = apigateway.LambdaIntegration(
            function,
            proxy=True,
            timeout=Duration.seconds(29),
            # One statement for the whole API: one per method would outgrow the 20 KB of a function's policy.
            scope_permission_to_method=False,
        )
        for path, methods in sorted(route_table().items()):
            resource = api.root.resource_for_path(path)
            for method in sorted(methods):
                asked = special.get((path, method), admission)
                added = resource.add_method(
                    method,
                    integration,
                    authorization_type=asked.authorization,
                    authorizer=asked.authorizer,
                    api_key_required=asked.counted,
                )
                _acknowledge_admission(added, asked, public=(path, method) in _PUBLIC)


def _acknowledge_admission(method: apigateway.Method, asked: Admission, *, public: bool) -> None:
    # cdk-nag asks nothing of OPTIONS, by which browsers learn what they may send.
    if method.http_method != "OPTIONS":
        acknowledge(
            method,
            "COG4",
            "Callers are programs: they sign with IAM or bring an API key, as the configuration says. User "
            "pools are for people who sign in.",
        )
    if asked.authorization is apigateway.AuthorizationType.NONE:
        reason = (
            "Load balancers must reach it, and it says nothing about anybody's requests."
            if public
            else "The configuration says auth.mode: none, for an API that something in front of it protects."
        )
        acknowledge(method, "APIG4", reason)


def _acknowledge(api: apigateway.RestApi) -> None:
    acknowledge(
        api,
        "APIG2",
        "The gateway validates: bodies are bytes of any kind, which no model of API Gateway describes.",
    )
    stage = api.deployment_stage
    acknowledge(
        stage,
        "APIG3",
        "A web ACL costs a monthly fee, and callers prove who they are before anything of ours runs. One can "
        "be associated with the stage from outside.",
    )
    acknowledge(
        stage,
        "APIG6",
        "The access log has a line for each call, with the caller, the status and API Gateway's own error. "
        "Execution logs repeat it, at INFO with headers and so with API keys, in a group that never expires.",
    )
    acknowledge(
        api,
        "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
        "API Gateway's own policy for its own role, with which it writes the access logs of all APIs of the "
        "account.",
    )


def _answer_in_problems(api: apigateway.RestApi) -> None:
    for response in gateway_responses.ALL:
        api.add_gateway_response(
            response.type.response_type,
            type=response.type,
            status_code=str(int(response.problem.status)),
            response_headers=response.headers,
            templates=response.templates,
        )


def _take_keys(api: apigateway.RestApi, deployment: str, throttle: apigateway.ThrottleSettings) -> None:
    """Let a usage plan count the calls of each key; the keys themselves come and go without a deployment."""
    api.add_usage_plan(
        "Keys",
        name=names.usage_plan(deployment),
        description="Limits of each API key",
        throttle=throttle,
        api_stages=[apigateway.UsagePlanPerApiStage(api=api, stage=api.deployment_stage)],
    )
    _definition(api).api_key_source_type = "AUTHORIZER"


def _guard(api: apigateway.RestApi, config: Config) -> None:
    """The resource policy, and the VPC endpoints of a private API."""
    resource = _definition(api)
    resource.policy = access.policy(config.access, auth=config.auth, deployment=config.deployment)
    if config.access.private:
        resource.endpoint_configuration = apigateway.CfnRestApi.EndpointConfigurationProperty(
            types=[apigateway.EndpointType.PRIVATE.value], vpc_endpoint_ids=list(config.access.vpc_endpoints)
        )


def _refuse_old_tls(api: apigateway.RestApi) -> None:
    # A regional API accepts TLS 1.0 unless told otherwise, and CDK's construct cannot tell it.
    resource = _definition(api)
    resource.security_policy = TLS_POLICY
    resource.endpoint_access_mode = "STRICT"


def _definition(api: apigateway.RestApi) -> apigateway.CfnRestApi:
    resource = api.node.default_child
    assert isinstance(resource, apigateway.CfnRestApi)
    return resource
