"""In-memory stand-ins for AWS that pass the same contract tests as the real adapters."""

from penstock.testing.api_keys import MemoryApiKeys, MemoryMeters
from penstock.testing.belongings import MemoryDeadLetterQueues, MemoryJobQueues, MemoryTimers
from penstock.testing.clock import ManualClock
from penstock.testing.deployed import MemoryDeployedApis
from penstock.testing.job_queues import MemoryJobOutbox
from penstock.testing.jobs import MemoryJobParts, MemoryJobs, MemoryWorkerJobs
from penstock.testing.listing import MemoryExecutions, MemoryInputListing
from penstock.testing.objects import MemoryCopies, MemoryObjects, MemoryStreams, UploadRefused
from penstock.testing.overview import MemoryDirectory, MemoryQueues, MemorySlots, MemoryWorkers
from penstock.testing.promotion import MemoryRegistry, MemoryReleases, MemoryRevisions
from penstock.testing.queue import MemoryJobSender, MemoryOutbox, MemoryQueue, MemorySource
from penstock.testing.ranges import MemoryRanges
from penstock.testing.records import MemoryLedger, MemoryRecords
from penstock.testing.roll import MemoryRoll
from penstock.testing.webhooks import (
    MemoryDeliveries,
    MemoryEndpoints,
    MemoryHosts,
    MemoryLanes,
    MemorySecrets,
    MemoryTopic,
)

__all__ = [
    "ManualClock",
    "MemoryApiKeys",
    "MemoryCopies",
    "MemoryDeadLetterQueues",
    "MemoryDeliveries",
    "MemoryDeployedApis",
    "MemoryDirectory",
    "MemoryEndpoints",
    "MemoryExecutions",
    "MemoryHosts",
    "MemoryInputListing",
    "MemoryJobOutbox",
    "MemoryJobParts",
    "MemoryJobQueues",
    "MemoryJobSender",
    "MemoryJobs",
    "MemoryLanes",
    "MemoryLedger",
    "MemoryMeters",
    "MemoryObjects",
    "MemoryOutbox",
    "MemoryQueue",
    "MemoryQueues",
    "MemoryRanges",
    "MemoryRecords",
    "MemoryRegistry",
    "MemoryReleases",
    "MemoryRevisions",
    "MemoryRoll",
    "MemorySecrets",
    "MemorySlots",
    "MemorySource",
    "MemoryStreams",
    "MemoryTimers",
    "MemoryTopic",
    "MemoryWorkerJobs",
    "MemoryWorkers",
    "UploadRefused",
]
