"""The settings page names every limit with its default and code, and every code."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from orchestrator.domain.risk import DenialCode, RiskLimits

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
ROWS = {
    name: (default, unit, code)
    for name, default, unit, code in re.findall(
        r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| [^|]+ \|$", PAGE, re.MULTILINE
    )
}


def shown(value: object) -> str:
    """Return a default as the page writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items()) or "empty"
    return str(value)


@pytest.mark.parametrize("name", list(RiskLimits.model_fields))
def test_every_limit_is_described_with_its_default(name: str) -> None:
    default, unit, code = ROWS[name]
    assert default == shown(getattr(RiskLimits(), name))
    assert unit
    assert code == "none" or code.strip("`") in set(DenialCode)


def test_no_limit_is_described_that_does_not_exist() -> None:
    assert set(ROWS) == set(RiskLimits.model_fields)


def test_every_code_is_described() -> None:
    assert [code for code in DenialCode if f"`{code}`" not in PAGE] == []


def test_defaults_are_exact_numbers() -> None:
    numbers = [value for value in RiskLimits().model_dump().values() if isinstance(value, float)]
    assert numbers == []
    assert isinstance(RiskLimits().daily_loss, Decimal)
