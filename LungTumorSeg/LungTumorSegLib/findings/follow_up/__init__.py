"""Lesions of one patient through several CTs."""
