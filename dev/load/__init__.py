"""``make load``: the listener when far too much comes at once, and for long."""
