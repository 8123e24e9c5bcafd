"""``make faults``: what docs/guarantees.md says is survived, broken and counted."""
