"""``make brokers``: what the README promises, tried on the brokers there are."""
