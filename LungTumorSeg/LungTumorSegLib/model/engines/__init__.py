"""The network on whatever is installed. An engine is a module here whose name ends with ``_engine``."""
