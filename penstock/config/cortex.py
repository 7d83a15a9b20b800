"""Keys of Cortex's API configuration that Penstock does not have, and what takes their place.

They are no typing errors, so no key of ours is near; whoever brings a file from Cortex must learn
what to write instead. The whole table is in ``docs/from-cortex.md``.
"""

from collections.abc import Mapping
from types import MappingProxyType

REPLACEMENTS: Mapping[str, str] = MappingProxyType(
    {
        "inf": (
            "write `neuron: true`, with `capacity.kind: managed_instances`: the container gets all Neuron "
            "devices of an instance, so there is nothing to count"
        ),
        "max_queue_length": "leave it out: the queue has no limit, and a caller may give a deadline",
        "node_groups": "each API says in `capacity` what its tasks run on; there are no nodes to share",
        "pre_stop": (
            "leave it out: the dequeuer stops taking requests and lets those that run end before the "
            "container gets its SIGTERM"
        ),
    }
)
