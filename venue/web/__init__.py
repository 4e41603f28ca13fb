"""HTTP over the exchange: one module per API, each of plain functions from a call to a reply."""
