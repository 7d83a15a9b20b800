"""The configuration file ``penstock.yaml``: read, checked, and typed.

``load`` either returns a ``Config`` in which every default is filled in, or raises a
``ConfigError`` that lists every problem of the file with its line.
"""

from penstock.config.access import Access
from penstock.config.api import Api, Local, Networking
from penstock.config.async_api import AsyncApi
from penstock.config.auth import Auth, AuthMode
from penstock.config.autoscaling import Autoscaling
from penstock.config.batch_api import BatchApi
from penstock.config.capacity import CapacityKind, Ec2, FargateCapacity, ManagedInstances
from penstock.config.container import Compute, Container
from penstock.config.deployment import Config
from penstock.config.domain import Domain
from penstock.config.encryption import Encryption
from penstock.config.errors import ConfigError, Problem
from penstock.config.loader import load
from penstock.config.network import FlowLogs, Network, NetworkKind
from penstock.config.pod import Pod
from penstock.config.prefetch import Prefetch
from penstock.config.probe import HttpGet, LivenessProbe, Probe, TcpSocket
from penstock.config.tracing import Tracing
from penstock.config.update_strategy import UpdateMode, UpdateStrategy

__all__ = [
    "Access",
    "Api",
    "AsyncApi",
    "Auth",
    "AuthMode",
    "Autoscaling",
    "BatchApi",
    "CapacityKind",
    "Compute",
    "Config",
    "ConfigError",
    "Container",
    "Domain",
    "Ec2",
    "Encryption",
    "FargateCapacity",
    "FlowLogs",
    "HttpGet",
    "LivenessProbe",
    "Local",
    "ManagedInstances",
    "Network",
    "NetworkKind",
    "Networking",
    "Pod",
    "Prefetch",
    "Probe",
    "Problem",
    "TcpSocket",
    "Tracing",
    "UpdateMode",
    "UpdateStrategy",
    "load",
]
