"""What the networks learn from: patches, whole CTs, cubes."""
