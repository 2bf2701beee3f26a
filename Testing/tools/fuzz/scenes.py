"""A result in a scene: what the panel stores there, in a real node of Slicer's libraries."""

import base64
import io
import zipfile
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import slicer
from LungTumorSegLib import record
from LungTumorSegLib.data import CT
from LungTumorSegLib.findings.review import Findings
from LungTumorSegLib.model.card import OperatingPoint
from LungTumorSegLib.slicer_.scene import storage

from Testing.support import headless, results

from . import mutate
from .judge import Files, Format

TEXT, STATE = "record.txt", "state.json"


def _scene():
    """That of the tests, or one of this process."""
    return getattr(slicer, "mrmlScene", None) or headless.start()[0]


@cache
def _ct() -> CT:
    return results.make_ct()


@cache
def _segmentation():
    node = _scene().AddNewNodeByClass("vtkMRMLSegmentationNode", "lesions")
    storage.keep(node, "")
    return node


@cache
def _seed() -> Files:
    findings = Findings(_ct(), results.make_result(_ct(), probability=None), OperatingPoint(threshold=0.5))
    storage.keep_state(_segmentation(), findings)
    state = _segmentation().GetAttribute(storage._STATE)
    return {TEXT: storage.pack(findings).encode(), STATE: state.encode()}


def _damaged(rng: Random, files: Files) -> Files:
    how = rng.random()
    if how < 0.45:
        return files | {STATE: mutate.json_text(rng, files[STATE])}
    if how < 0.6:
        return files | {TEXT: mutate.damaged(rng, files[TEXT])}
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(files[TEXT]))) as packed:
        inside = {name: packed.read(name) for name in packed.namelist()}
    if how < 0.85:
        inside[record.JSON_NAME] = mutate.json_text(rng, inside[record.JSON_NAME])
    else:
        inside[record.VOXELS_NAME] = mutate.damaged(rng, inside[record.VOXELS_NAME], rng.choice((0, 300)))
    again = io.BytesIO()
    with zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for name, content in inside.items():
            packed.writestr(name, content)
    return files | {TEXT: base64.b64encode(again.getvalue())}


def _read(folder: Path) -> None:
    node = _segmentation()
    node.GetNodeReference(storage.RECORD_ROLE).SetText((folder / TEXT).read_text("latin-1"))
    node.SetAttribute(storage._STATE, (folder / STATE).read_text("utf-8", "replace").replace("\0", ""))
    findings = storage.read(node, _ct())
    for lesion, mask in zip(findings.lesions, findings.masks, strict=True) if findings else ():
        assert mask.shape == lesion.label_box.shape
        assert np.min(lesion.label_box.start) >= 0
        assert all(n <= m for n, m in zip(lesion.label_box.stop, _ct().geometry.shape_zyx, strict=True))


FORMATS = (Format("scene", lambda: [_seed()], _damaged, _read),)
