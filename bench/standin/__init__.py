"""A fast stand-in for S3, DynamoDB and SQS, with counts of calls and a round-trip time of choice.

It is no emulator: it knows the calls that Penstock makes, and is wrong or silent about the rest.
"""
