"""Who answers prompts, and how what they are asked is paid for and kept."""
