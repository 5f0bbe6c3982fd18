"""Archives of recordings, of any size, scored into one table."""
