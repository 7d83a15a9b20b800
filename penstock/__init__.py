"""Asynchronous requests and batch jobs for long work on your own AWS account."""

__version__ = "0.1.0"
