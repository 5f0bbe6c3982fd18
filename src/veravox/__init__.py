"""Veravox: is this voice genuine or synthetic?"""

__version__ = "0.1.0"
