"""Folders of the repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "LungTumorSeg"
RESOURCES = MODULE / "Resources"
PACK = ROOT.parent / "shared" / "data"  # the training pack, where it lies beside the clone
