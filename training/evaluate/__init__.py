"""Measuring a model: clicks, whole CTs, calibration, plots and a page."""
