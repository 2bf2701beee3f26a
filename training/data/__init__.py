"""Data sets: the pack, other people's, and how they are prepared."""
