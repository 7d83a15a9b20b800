"""The JSON Schema of ``penstock.yaml``, for completion and checks in editors.

``python -m penstock.config.schema --write`` renews the committed file, ``--check`` fails when it
differs from the models.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from penstock import generated
from penstock.config.deployment import Config
from penstock.config.quantities import format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import core_schema

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "docs" / "penstock.schema.json"


class _FileSchema(GenerateJsonSchema):
    """Describes the file rather than the models: what the loader accepts, in the file's notation."""

    def encode_default(self, dft: Any) -> Any:
        """Write a default as the file would: a duration as ``5m``."""
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Leave null out: the loader refuses keys without a value."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave the default null out, for the same reason."""
        described = super().default_schema(schema)
        if "default" in described and described["default"] is None:
            del described["default"]
        return described

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        """Leave out titles that only repeat the keys."""
        return False


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of what ``load`` accepts, cross-checks aside."""
    schema = Config.model_json_schema(schema_generator=_FileSchema)
    return {"$schema": _FileSchema.schema_dialect, **schema, "title": "penstock.yaml"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the committed document; return the exit status."""
    return generated.main("penstock.config.schema", json_schema, SCHEMA_FILE, arguments)


if __name__ == "__main__":
    sys.exit(main())
