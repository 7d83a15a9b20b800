"""A name of the user's own for the HTTP API."""

from typing import Annotated

from pydantic import AfterValidator, Field, Strict

from penstock.config import aws_ids
from penstock.config.section import Section


class Domain(Section):
    """A name of your own for the HTTP API. Left out in the local stages."""

    name: Annotated[
        str,
        AfterValidator(aws_ids.domain_name),
        Field(json_schema_extra={"pattern": f"^{aws_ids.DOMAIN_PATTERN}$"}),
    ]
    """The name, such as `api.example.com`. All links that Penstock writes begin with it."""

    certificate_arn: Annotated[
        str,
        AfterValidator(aws_ids.certificate_arn),
        Field(json_schema_extra={"pattern": f"^{aws_ids.CERTIFICATE_ARN_PATTERN}$"}),
    ]
    """ARN of a certificate for the name in AWS Certificate Manager, in the deployment's region."""

    hosted_zone_id: (
        Annotated[
            str,
            AfterValidator(aws_ids.hosted_zone_id),
            Field(json_schema_extra={"pattern": f"^{aws_ids.HOSTED_ZONE_PATTERN}$"}),
        ]
        | None
    ) = None
    """Id of the Route 53 hosted zone that the name lies in; a record that leads to the API is made there. \
Default: you make the record yourself."""

    default_endpoint: Annotated[bool, Strict()] = True
    """Whether the API answers under AWS's own name as well."""
