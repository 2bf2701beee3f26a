"""Rebuilds the bundled model: data sets -> examples -> fit -> evaluate -> explain -> export."""

import os

# TensorFlow reads these when it is loaded: its own notes (CPU features, oneDNN, missing CUDA) hide what is said here
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
