"""Data to the YAML that ``load`` reads as the same data."""

from __future__ import annotations

from typing import Any

import yaml

from penstock.config.yaml_core import CoreLoader


class _Dumper(yaml.SafeDumper):
    """Quotes what either version of YAML would take for something else than text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML types it so
        first: [
            *CoreLoader.yaml_implicit_resolvers.get(first, []),
            *yaml.SafeDumper.yaml_implicit_resolvers.get(first, []),
        ]
        for first in CoreLoader.yaml_implicit_resolvers.keys()
        | yaml.SafeDumper.yaml_implicit_resolvers.keys()
    }

    def ignore_aliases(self, _data: Any) -> bool:
        """Write equal parts out: a person reads this."""
        return True


def dump(data: dict[str, Any]) -> str:
    """The text; keys stay in their order."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
