"""Which sector a symbol belongs to and which symbols move together: data, to which `config/risk` may add.

A symbol that no table knows is in the sector `unknown`, together with all others that are not known: the cap on a
sector then binds early. Broad funds and coins have a sector of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from orchestrator.domain.instruments import is_occ, parse_occ

UNKNOWN_SECTOR = "unknown"
CRYPTO_SECTOR = "crypto"

_MEMBERS: dict[str, str] = {
    "materials": "XLB LIN SHW FCX NEM",
    "communication": "XLC GOOGL GOOG META NFLX DIS T VZ CMCSA TMUS",
    "energy": "XLE XOM CVX COP SLB EOG OIH USO",
    "financials": "XLF JPM BAC WFC GS MS C BRK.B V MA AXP SCHW FAS",
    "industrials": "XLI CAT DE GE HON BA UNP UPS LMT RTX",
    "technology": "XLK QQQ AAPL MSFT NVDA AMD AVGO INTC ORCL CRM ADBE CSCO QCOM TXN MU SMH SOXX SOXL SOXS TQQQ SQQQ",
    "staples": "XLP PG KO PEP WMT COST MO PM CL",
    "real_estate": "XLRE AMT PLD EQIX SPG O VNQ",
    "utilities": "XLU NEE DUK SO D AEP",
    "health": "XLV UNH JNJ LLY PFE MRK ABBV TMO ABT AMGN XBI IBB LABU",
    "discretionary": "XLY AMZN TSLA HD MCD NKE SBUX LOW BKNG",
    "broad_us": "SPY VOO IVV VTI DIA IWM MDY RSP UPRO SPXL SPXU SPXS SH SDS SSO TNA TZA UDOW SDOW SPX XSP RUT",
    "broad_world": "EFA EEM VEA VWO VT ACWI FXI EWJ EWZ",
    "bonds": "TLT IEF SHY AGG BND HYG LQD TMF TMV",
    "commodities": "GLD SLV IAU DBC UNG GDX",
    "volatility": "VXX UVXY SVXY VIX VIXY",
}
SECTORS: Mapping[str, str] = {symbol: sector for sector, names in _MEMBERS.items() for symbol in names.split()}
"""Sector by symbol (GICS sectors for companies and their funds)."""

_MOVE_TOGETHER: dict[str, str] = {
    "us_large": "SPY VOO IVV VTI DIA RSP UPRO SPXL SPXU SPXS SH SDS SSO UDOW SDOW SPX XSP",
    "us_small": "IWM TNA TZA MDY RUT",
    "us_tech": "QQQ TQQQ SQQQ XLK SMH SOXX SOXL SOXS TECL AAPL MSFT NVDA AMD AVGO AMZN META GOOGL GOOG TSLA NDX",
    "banks": "XLF FAS JPM BAC WFC GS MS C",
    "oil": "XLE OIH USO XOM CVX COP SLB EOG",
    "gold": "GLD IAU GDX NEM",
    "rates": "TLT IEF TMF TMV XLU XLRE VNQ",
    "coins": "BTC/USD ETH/USD SOL/USD ADA/USD BTC/USDT ETH/USDT SOL/USDT ADA/USDT BTC/USDC ETH/USDC",
}
GROUPS: Mapping[str, frozenset[str]] = {name: frozenset(names.split()) for name, names in _MOVE_TOGETHER.items()}
"""Symbols that move together, up or down; a symbol may be in several groups."""

_GROUPS_OF = {
    symbol: tuple(name for name, members in GROUPS.items() if symbol in members)
    for symbol in frozenset().union(*GROUPS.values())
}

_FUNDS_AGAINST = "SQQQ SPXU SPXS SH SDS TZA SDOW SOXS TMV PSQ DOG RWM SVXY"
INVERSE = frozenset(_FUNDS_AGAINST.split())
"""Funds that rise when their index falls."""

_INDEX_ROOTS = "SPX SPXW XSP VIX VIXW NDX NDXP XND RUT RUTW MRUT DJX OEX XEO"
CASH_SETTLED = frozenset(_INDEX_ROOTS.split())
"""Roots of index options that settle in cash."""

STABLECOINS = frozenset(["USDT", "USDC", "DAI", "TUSD", "FDUSD", "PYUSD", "USDP"])
"""Currencies that are meant to be worth 1 USD."""


@lru_cache(maxsize=4096)
def underlying_of(symbol: str) -> str:
    """Return the underlying of an option contract; of anything else, itself."""
    return parse_occ(symbol).underlying if is_occ(symbol) else symbol


def sector_of(symbol: str, more: Mapping[str, str]) -> str:
    """Return the sector of a symbol; `more` goes before the desk's own table.

    Examples
    --------
    >>> sector_of("XLK", {}), sector_of("BTC/USD", {}), sector_of("ZZZZ", {}), sector_of("ZZZZ", {"ZZZZ": "energy"})
    ('technology', 'crypto', 'unknown', 'energy')
    """
    name = underlying_of(symbol)
    found = more.get(name) or SECTORS.get(name)
    return found or (CRYPTO_SECTOR if "/" in name else UNKNOWN_SECTOR)


def groups_of(symbol: str, more: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the names of the groups a symbol is in; a group of `more` extends the desk's own of that name."""
    name = underlying_of(symbol)
    own = _GROUPS_OF.get(name, ())
    if not more:
        return own
    return tuple(dict.fromkeys([*own, *(group for group, members in more.items() if name in members)]))


def stablecoin_of(symbol: str) -> str | None:
    """Return the stablecoin that a pair is quoted in, None for any other currency."""
    _, _, quote = symbol.partition("/")
    return quote if quote in STABLECOINS else None
