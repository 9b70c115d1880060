"""Evolutionary code search whose lineage is git."""
