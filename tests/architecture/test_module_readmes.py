"""The parameter tables of the modules' pages say what the models say."""

from pathlib import Path

import pytest

from modules.crypto.parameters import CryptoParameters
from modules.crypto.strategies import STRATEGIES as CRYPTO
from modules.stocks.parameters import StocksParameters
from modules.stocks.strategies import STRATEGIES as STOCKS

ROOT = Path(__file__).parents[2]
PAGES = pytest.mark.parametrize(
    ("name", "model", "strategies"), [("stocks", StocksParameters, STOCKS), ("crypto", CryptoParameters, CRYPTO)]
)


def value_at(model, path: str) -> float:
    for part in path.split("."):
        model = getattr(model, part)
    return model


@PAGES
def test_every_parameter_is_described_with_default_and_bounds(name, model, strategies):
    page = (ROOT / "modules" / name / "README.md").read_text()
    wanted = [
        f"| `{path}` | {value_at(model(), path):g} | {bounds.low:g} .. {bounds.high:g} |"
        for path, bounds in model.bounds().items()
    ]
    missing = [row for row in wanted if row not in page]
    assert not missing, "\n".join(missing)


@PAGES
def test_every_strategy_is_described(name, model, strategies):
    page = (ROOT / "modules" / name / "README.md").read_text()
    assert all(f"| `{strategy.name}` |" in page for strategy in strategies)
