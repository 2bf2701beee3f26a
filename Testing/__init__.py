"""Tests by what they test: the library, the panel in Slicer, the training, the project; and what they share."""
