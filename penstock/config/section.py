"""What all maps of the configuration file have in common, and the value types they share."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, WithJsonSchema
from pydantic.config import JsonDict

from penstock.config import identifiers
from penstock.config.quantities import DURATION_PATTERN, parse_duration

#: The dequeuer's own ports in the task: its proxy side, and health and metrics.
RESERVED_PORTS = frozenset({8888, 15000})

HIGHEST_PORT = 65535


class Section(BaseModel):
    """A map of the configuration file: unknown keys are errors, values never change."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        # The text under each field is its documentation in the JSON Schema, and so in editors.
        use_attribute_docstrings=True,
        # `.inf` and `.nan` are YAML numbers, and pass every comparison nobody thought of.
        allow_inf_nan=False,
    )


def without_default(schema: JsonDict) -> None:
    """Take the default out of a field's JSON Schema: another field gives the real one."""
    schema.pop("default", None)


def _port(value: int) -> int:
    if value in RESERVED_PORTS:
        raise ValueError(f"must not be {value}: the dequeuer beside the container listens there")
    return value


# Strict, because pydantic would read `true` as 1 and "8080" as 8080, and the JSON Schema would not.
WholeNumber = Annotated[int, Strict()]
Number = Annotated[float, Strict()]

Port = Annotated[
    WholeNumber,
    Field(ge=1, le=HIGHEST_PORT),
    AfterValidator(_port),
    WithJsonSchema(
        {
            "type": "integer",
            "minimum": 1,
            "maximum": HIGHEST_PORT,
            "not": {"enum": sorted(RESERVED_PORTS)},
        }
    ),
]

Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^{DURATION_PATTERN}$", "minLength": 2},
                {"type": "integer", "minimum": 0},
            ]
        }
    ),
]

EnvironmentName = Annotated[str, AfterValidator(identifiers.environment_name)]
