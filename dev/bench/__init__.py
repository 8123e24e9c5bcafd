"""``make bench``: this design, others, and the limit, in one run."""
