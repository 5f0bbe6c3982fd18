"""Telling a caller's own server that a prediction is finished.

`veravox.webhooks.signature`, for receivers, needs nothing but Python; so nothing is imported here.
"""
