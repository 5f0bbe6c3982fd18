"""What each call of the two clients does, one module a subject."""
