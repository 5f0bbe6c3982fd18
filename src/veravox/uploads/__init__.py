"""Recordings that come by other ways than in the request itself."""
