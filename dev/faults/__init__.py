"""``make faults``: everything the README promises to survive, broken and counted."""
