"""The one codec between models and stored documents.

Stored: str, int, float, bool, None, aware datetime, list and dict. Decimals and dates become strings.
"""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from orchestrator.domain.errors import MalformedDataError


def encode(model: BaseModel) -> dict[str, Any]:
    """Return the stored form of a model.

    Raises
    ------
    MalformedDataError
        A float is NaN or infinite; stores keep those silently.
    """
    plain = _plain(model.model_dump(by_alias=True), type(model).__name__)
    return dict(plain)


M = TypeVar("M", bound=BaseModel)


def decode(model: type[M], data: dict[str, Any], *, where: str) -> M:
    """Return the model of a stored document.

    Raises
    ------
    MalformedDataError
        The document does not fit the model; the message names path and fields.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise MalformedDataError(f"{where} is not a valid {model.__name__}: {faults}") from error


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, dict):
        return {str(_plain(key, where)): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, where) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return format(value.normalize() if value == value.to_integral_value() else value, "f")
    if isinstance(value, float) and not math.isfinite(value):
        raise MalformedDataError(f"{where} is {value}; documents hold finite numbers only")
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return value


def check_storable(value: Any, where: str) -> None:
    """Refuse what a store could not keep or would keep wrongly.

    Raises
    ------
    MalformedDataError
        A Decimal, NaN, naive time, nested list or empty key; the message names the place.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key:
                raise MalformedDataError(f"{where}: map key {key!r} is not a non-empty string")
            check_storable(item, f"{where}.{key}")
    elif isinstance(value, list):
        if any(isinstance(item, list) for item in value):
            raise MalformedDataError(f"{where}: a list inside a list cannot be stored")
        for item in value:
            check_storable(item, where)
    elif (fault := _scalar_fault(value)) is not None:
        raise MalformedDataError(f"{where}: {fault}")


def _scalar_fault(value: Any) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not a finite number"
    if isinstance(value, datetime) and value.tzinfo is None:
        return "a time without a zone cannot be stored"
    if not isinstance(value, str | int | float | bool | datetime | None):
        return f"{type(value).__name__} cannot be stored; use the codec"
    return None
