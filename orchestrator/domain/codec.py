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
    try:
        plain: dict[str, Any] = _plain(model.model_dump(by_alias=True))
    except MalformedDataError as error:
        raise MalformedDataError(f"{type(model).__name__}: {error}") from error
    return plain


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


_KEPT = frozenset({str, int, bool, type(None), datetime})
"""Types that are stored as they are."""
_SOUND = _KEPT - {datetime}
"""Those of which every value can be stored."""


def _plain(value: Any) -> Any:
    """Return the stored form of a dumped value; by exact type first, for a book has hundreds of them."""
    kind = type(value)
    if kind in _KEPT:
        return value
    if kind is dict:
        return {
            key if type(key) is str else str(_plain(key)): item if type(item) in _KEPT else _plain(item)
            for key, item in value.items()
        }
    if kind is list or kind is tuple:
        return [item if type(item) in _KEPT else _plain(item) for item in value]
    if kind is Decimal:
        return format(value.normalize() if value == value.to_integral_value() else value, "f")
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        raise MalformedDataError(f"{value} cannot be stored; documents hold finite numbers only")
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
    fault = _fault(value)
    if fault is not None:
        raise MalformedDataError(f"{where}{fault}")


def _fault(value: Any) -> str | None:
    """Return where in a value and why it cannot be stored, None = it can."""
    kind = type(value)
    if kind in _SOUND:
        return None
    if kind is dict:
        return _fault_in_map(value)
    if kind is list:
        if any(isinstance(item, list) for item in value):
            return ": a list inside a list cannot be stored"
        return next((fault for item in value if (fault := _fault(item)) is not None), None)
    return _scalar_fault(value)


def _fault_in_map(value: dict[Any, Any]) -> str | None:
    for key, item in value.items():
        if not isinstance(key, str) or not key:
            return f": map key {key!r} is not a non-empty string"
        if type(item) not in _SOUND and (fault := _fault(item)) is not None:
            return f".{key}{fault}"
    return None


def _scalar_fault(value: Any) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f": {value} is not a finite number"
    if isinstance(value, datetime) and value.tzinfo is None:
        return ": a time without a zone cannot be stored"
    if not isinstance(value, float | datetime):
        return f": {type(value).__name__} cannot be stored; use the codec"
    return None
