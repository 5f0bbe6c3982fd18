"""Training of the shipped models: corpora, augmentation, features, heads, export, cards.

Needs the extra `train`. Nothing here is imported by the server.
"""
