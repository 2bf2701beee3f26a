"""Rebuilds the bundled model: data sets -> examples -> fit -> evaluate -> explain -> export."""
