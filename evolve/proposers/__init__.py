"""Proposers: they make a new program from a selection."""
