"""`desk replay`: recorded market data through the whole desk, and an account of what came of it."""
