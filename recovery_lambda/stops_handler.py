"""The entry point for what ECS tells of tasks and deployments: EventBridge calls it with one event."""

from __future__ import annotations

import logging
import os
from typing import Any

from aws_lambda_powertools import Logger

from penstock import environment
from penstock.aws.emf import MetricLog
from penstock.catalogue import FILE, Catalogue
from recovery_lambda.settings import Settings
from recovery_lambda.stops import Stops

logger = Logger()
logging.getLogger("recovery_lambda").addHandler(logger.registered_handler)
logging.getLogger("recovery_lambda").setLevel(logging.INFO)

_settings = environment.read(Settings, os.environ)
_metrics = MetricLog(_settings.deployment)
_stops = Stops(
    _settings.deployment,
    clusters=Catalogue.from_json(FILE.read_text()).clusters(_settings.deployment),
    count=lambda api, metric: _metrics.write(api, [(metric, 1)]),
)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: Any) -> None:
    """Count one event."""
    _stops.note(event)
