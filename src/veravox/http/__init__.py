"""The HTTP server: middleware around one module for each vendor's API."""
