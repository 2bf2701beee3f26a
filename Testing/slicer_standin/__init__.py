"""The Qt layer of 3D Slicer for tests: real module .py, real .ui, real MRML, stand-in Qt.

Importing it puts `qt` and `ctk` in place; `install` adds `slicer.app` and the rest to a headless scene. It raises
where Slicer would only print: unknown widget class, property, signal, connection, SlicerParameterName.
"""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from .pythonqt import qt  # noqa: I001 - puts `qt` in place, which the next ones import
from . import ctk_widgets
from .application import Application, install
from .modules import LoadedModule
from .pictures import picture
from .style import set_theme

__all__ = ["Application", "LoadedModule", "ctk_widgets", "install", "picture", "qt", "set_theme"]
