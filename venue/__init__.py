"""The local venue: HTTP that speaks Alpaca's, Kraken's and Binance's REST over a replayed or synthetic market."""

from venue.exchange import Exchange
from venue.server import serve

__all__ = ["Exchange", "serve"]
