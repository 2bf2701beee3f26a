"""The network on whatever is installed."""
