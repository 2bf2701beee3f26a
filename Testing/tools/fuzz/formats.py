"""Every format that is fuzzed."""

from importlib import import_module

from .judge import Format

# by the file that makes their inputs; a process imports its own alone: TensorFlow and VTK do not go together
FILES = {
    "dicom": "images", "nrrd": "images", "metaimage": "images", "nifti": "images", "bundle": "bundles",
    "scene": "scenes", "requests": "protocol_lines", "answers": "protocol_lines",
}  # fmt: skip


def named(name: str) -> Format:
    made = import_module(f".{FILES[name]}", __package__)
    return next(kind for kind in made.FORMATS if kind.name == name)
