"""A session that can reach an emulator of AWS and nothing else.

A developer's shell often holds real AWS credentials and a profile. A client with those would act on a
real account as soon as one address is wrong.
"""

from __future__ import annotations

import os

import boto3
from botocore.session import Session

REGION = "us-east-1"
ACCESS_KEY = "test"
SECRET_KEY = "test"  # noqa: S105 - the emulator takes any

#: Where botocore looks for a setting (file entry, variable, default, type). With AWS_PROFILE or a
#: file of the developer's, a client would take over settings of a real account, or fail.
_NO_PROFILE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def session() -> boto3.Session:
    """A session with fake credentials, whatever the environment says."""
    return boto3.Session(
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=REGION,
        botocore_session=Session(session_vars=_NO_PROFILE),
    )
