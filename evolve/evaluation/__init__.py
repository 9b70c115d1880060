"""How programs are scored: the contract with the user's evaluator, and what becomes of its answer."""
