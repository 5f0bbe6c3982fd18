"""Canonical windows in, a calibrated verdict out. Knows no HTTP, SQL or vendor.

A score is a `spoof_llr`: the natural-log likelihood ratio of spoof to bona fide, positive = spoof.
"""
