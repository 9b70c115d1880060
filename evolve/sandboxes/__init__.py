"""Where untrusted code runs: one driver per file, all of them around the same harness."""
