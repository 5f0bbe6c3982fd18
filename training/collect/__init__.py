"""Rows of the training manifest for the audio of public repositories, from a description of them.

`sources.toml` says which paths of which repository hold bona fide speech and which a system's
speech; `python -m training.collect --help` turns it into a manifest.
"""
