"""The only place that imports slicer, vtk, qt and ctk."""
