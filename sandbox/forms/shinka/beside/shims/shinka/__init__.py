"""What evaluators import of ShinkaEvolve, where that is not installed."""
