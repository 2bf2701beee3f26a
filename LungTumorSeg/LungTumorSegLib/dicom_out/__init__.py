"""A result as DICOM objects: segmentation, probability, report. Needs highdicom, which is an extra of its own."""
