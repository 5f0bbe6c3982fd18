"""Media bytes in, canonical windows and facts about their quality out. Knows no detector."""
