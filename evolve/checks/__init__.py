"""What is wrong with a task, found before a search spends time and money on it."""
