"""Synthetic speech made for training: copies of real speech, packaged engines, legacy engines.

`python -m training.synthesis --help`. Needs the extras `train` and `synthesis`; the legacy engines
are programs of the system (Debian: espeak-ng, flite, festival and its voices).
"""
