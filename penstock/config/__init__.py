"""The configuration file ``penstock.yaml``: read, checked, and typed.

``load`` either returns a ``Config`` in which every default is filled in, or raises a
``ConfigError`` that lists every problem of the file with its line.
"""

from penstock.config.api import AsyncApi, Kind, Local, Networking
from penstock.config.auth import Auth, AuthMode
from penstock.config.autoscaling import Autoscaling
from penstock.config.container import Compute, Container
from penstock.config.deployment import Config
from penstock.config.errors import ConfigError, Problem
from penstock.config.loader import load
from penstock.config.pod import Pod
from penstock.config.probe import HttpGet, Probe, TcpSocket

__all__ = [
    "AsyncApi",
    "Auth",
    "AuthMode",
    "Autoscaling",
    "Compute",
    "Config",
    "ConfigError",
    "Container",
    "HttpGet",
    "Kind",
    "Local",
    "Networking",
    "Pod",
    "Probe",
    "Problem",
    "TcpSocket",
    "load",
]
