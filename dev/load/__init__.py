"""``make load``: what the listener does when far too much comes at once, and for long."""
