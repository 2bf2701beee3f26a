"""A model on disk, its network and what runs it."""
