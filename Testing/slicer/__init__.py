"""The logic and the panel on a real scene, in a stand-in for Slicer's application."""
