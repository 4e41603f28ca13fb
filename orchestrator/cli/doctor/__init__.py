"""`desk doctor`: looks for everything the desk needs."""
