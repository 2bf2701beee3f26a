"""The library and the command, without Slicer."""
