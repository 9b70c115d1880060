"""What evaluators import of OpenEvolve, where that is not installed."""
