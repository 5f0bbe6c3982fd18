"""A Model Context Protocol server: detection and voice comparison as tools of an assistant."""
