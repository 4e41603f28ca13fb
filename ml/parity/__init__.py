"""What a backtest makes of past days beside what the desk did on them."""
