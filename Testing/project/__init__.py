"""The repository: arrows, packaging, tools."""
