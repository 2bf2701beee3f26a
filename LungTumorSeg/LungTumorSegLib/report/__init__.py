"""A result as one page that a person reads: HTML with all pictures in it, on request also PDF."""
