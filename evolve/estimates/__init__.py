"""What a run is likely to take, said before it begins: from what can be measured of its task and its prompts."""
