"""Detectors whose authors published weights, to be measured beside ours on the same clips."""
