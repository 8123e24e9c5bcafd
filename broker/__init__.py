"""All that speaks to a broker: no models, no cursors, no threads."""
