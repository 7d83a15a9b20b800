"""The JSON Schema of ``penstock.yaml``, for completion and checks in editors.

``python -m penstock.config.schema --write`` renews the committed file, ``--check`` fails when it
differs from the models.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

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
    """Write or check the committed schema; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m penstock.config.schema", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="fail if the committed file differs")
    action.add_argument("--write", action="store_true", help="renew the committed file")
    parser.add_argument("--file", type=Path, default=SCHEMA_FILE, help="the committed file")
    options = parser.parse_args(arguments)
    current = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    if options.write:
        options.file.write_text(current, encoding="utf-8")
        return 0
    committed = options.file.read_text(encoding="utf-8") if options.file.exists() else ""
    if committed != current:
        sys.stderr.write(
            f"{options.file} differs from the models. "
            "Run `python -m penstock.config.schema --write` and commit the file.\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
