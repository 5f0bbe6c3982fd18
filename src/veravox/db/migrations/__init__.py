"""Alembic's environment; the migrations are in versions/ and cover every database alike."""
