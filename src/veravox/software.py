"""The versions of all software that takes part in an analysis."""

import platform
from functools import cache
from importlib.metadata import version

from veravox import __version__

LIBRARIES = ("av", "soxr", "numpy", "onnxruntime")
"""PyAV carries its own FFmpeg, so its version tells FFmpeg's as well."""


@cache
def software() -> tuple[tuple[str, str], ...]:
    """Names and versions, Veravox first."""
    return (
        ("veravox", __version__),
        *((library, version(library)) for library in LIBRARIES),
        ("python", platform.python_version()),
        ("platform", f"{platform.system()} {platform.machine()}"),
    )
