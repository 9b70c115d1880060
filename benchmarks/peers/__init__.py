"""Other searchers, run on the tasks, the evaluators and the simulated model that this one is measured with."""
