"""A service: receives the studies that an archive sends, segments them, and sends results back where it is asked to."""
