"""What the loop is made of: each noun keeps its own part of the state, and folds its own events of the journal."""
