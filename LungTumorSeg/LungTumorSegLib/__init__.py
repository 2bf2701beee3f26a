"""LungTumorSeg without 3D Slicer: everything between a CT and its lesions.

The public names load what they need when first used.
"""

from importlib import import_module

__version__ = "0.1.0"
_PUBLIC = {"read_ct": ".readers.ct"}


def __getattr__(name: str):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name], __name__), name)
