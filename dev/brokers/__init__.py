"""``make brokers``: what docs/guarantees.md promises, tried on real brokers."""
