"""LungTumorSeg without 3D Slicer: everything between a CT and its lesions."""

__version__ = "0.1.0"
