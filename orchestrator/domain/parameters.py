"""Typed, bounded parameters: the only knobs that tuning may turn.

A strategy declares a `Parameters` model whose fields carry `ge` and `le`; the same bounds validate a stored
document, draw the search space of the tuning job and end in the documentation.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from orchestrator.domain.errors import ParameterOutOfBoundsError


class Bounds(BaseModel):
    """Closed interval of one numeric parameter."""

    model_config = ConfigDict(frozen=True)

    low: float
    high: float
    integer: bool


class Parameters(BaseModel):
    """Base of every parameter model: frozen, unknown fields refused, every number bounded."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def parse(cls, values: dict[str, Any], *, where: str) -> Self:
        """Validate stored values.

        Raises
        ------
        ParameterOutOfBoundsError
            A field is unknown, missing, of the wrong type or out of bounds; the message names each one.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']} (is {fault['input']!r})"
                for fault in error.errors()
            )
            raise ParameterOutOfBoundsError(f"{where}: {faults}") from error

    @classmethod
    def bounds(cls) -> dict[str, Bounds]:
        """Return the bounds of each numeric field, nested models as `strategy.field`."""
        found: dict[str, Bounds] = {}
        for name, field in cls.model_fields.items():
            nested = field.annotation
            if isinstance(nested, type) and issubclass(nested, Parameters):
                found |= {f"{name}.{key}": value for key, value in nested.bounds().items()}
            elif (bounds := _bounds_of(field)) is not None:
                found[name] = bounds
        return found


def _bounds_of(field: FieldInfo) -> Bounds | None:
    limits = {key: getattr(rule, key) for rule in field.metadata for key in ("ge", "le") if hasattr(rule, key)}
    if "ge" not in limits or "le" not in limits:
        return None
    return Bounds(low=float(limits["ge"]), high=float(limits["le"]), integer=field.annotation is int)
