"""`desk parity`: whether the backtest says what the desk did."""
