"""From a CT to what the networks see, and back to the voxels."""
