"""Gates: whether a change is adopted, and what that could have got wrong."""
