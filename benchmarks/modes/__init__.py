"""A truly better scaffold in each mode: whether it is adopted."""
