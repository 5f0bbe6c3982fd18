"""The dashboard: pages from templates, small scripts, and the services that the API has."""
