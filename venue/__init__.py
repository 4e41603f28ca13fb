"""The local venue: HTTP that speaks Alpaca's, Kraken's and Binance's REST over a replayed or synthetic market."""
