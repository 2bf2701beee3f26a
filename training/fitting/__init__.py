"""Fits of the networks, and what is chosen after them."""
