"""LocalStack runs this once it is up: it makes the buckets of the user's own.

In the cloud the buckets that ``input_buckets`` names exist before anything is deployed, so no stack
makes them. Runs on the interpreter of LocalStack's image, with nothing of ours on its path.
"""

from __future__ import annotations

import os

import boto3

client = boto3.client(
    "s3",
    endpoint_url=os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",  # noqa: S106 - LocalStack takes any
)
for bucket in os.environ["PENSTOCK_INPUT_BUCKETS"].split():
    client.create_bucket(Bucket=bucket)
