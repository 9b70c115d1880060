"""Policies of searches, compared: on the same tasks, with the same seeds and the same frozen model."""
