"""Which Python packages the extension needs, and putting them into Slicer's Python."""
