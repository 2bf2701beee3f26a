"""A result kept in the scene, so that after opening a saved scene everything can still be changed.

The network's candidates lie, packed, in a hidden text node of the segmentation; what the user did since lies in its
attribute. The outlines themselves are the segments.
"""

import base64
import io
import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ... import record
from ...data import Result
from ...errors import ModelError, UnreadableError
from ...findings.review import Findings
from ...lungs.queries import distance_outside
from ...model.card import OperatingPoint
from .edits import status_of, take_over
from .nodes import ROLES

SCHEMA = 3  # of the record and the state together
WITHOUT_LESS_LIKELY, AN_ARRAY_EACH = 1, 2  # the schemas of before, which are read too
RECORD_ROLE = f"{ROLES}record"
_STATE = "LungTumorSeg.state"
# what a record of this CT may hold: less than a byte a voxel was seen, in each of a few arrays
_MOST_A_VOXEL, _MOST_BESIDE = 16, 1 << 26
# what comes of values that no run has written; a package that is missing is none of them
_FAULTS = (
    ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError, zlib.error,
    ModelError,
)  # fmt: skip
_DAMAGED = "A result in this scene is damaged; run the segmentation again."


def keep(segmentation, packed: str):
    """Write, or write again, what `pack` made of the result behind a segmentation.

    Args:
        packed: Of `pack`.
    """
    node = segmentation.GetNodeReference(RECORD_ROLE)
    if node is None:
        name = f"{segmentation.GetName()} record"
        node = segmentation.GetScene().AddNewNodeByClass("vtkMRMLTextNode", name)
        node.SetHideFromEditors(True)
        segmentation.SetNodeReferenceID(RECORD_ROLE, node.GetID())
    node.SetText(packed)


def pack(findings: Findings) -> str:
    """What the network has found, as text; the scene is not touched."""
    *_, packed = pack_in_steps(findings)
    return packed


def pack_in_steps(findings: Findings) -> Iterator[str]:
    """The same in steps, between which a panel stays alive; the last one is the text."""
    # without the CT's path, which is nobody's business in a scene that is passed on
    ct, result = replace(findings.ct, source={}), replace(findings.as_result(), probability=None)
    if result.lungs is not None:
        # the hull alone: packing its distances takes 36 ms and 1.7 MB, as much as all the rest
        hull = result.lungs.hull_distance_mm == 0
        result = replace(result, lungs=replace(result.lungs, hull_distance_mm=hull))
    with tempfile.TemporaryDirectory(prefix="lts-") as name:
        record.save(result, ct, Path(name))
        yield ""
        yield _zipped(Path(name))


def _zipped(folder: Path) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for path in folder.iterdir():
            file.write(path, path.name)
    return base64.b64encode(packed.getvalue()).decode()


def keep_state(segmentation, findings: Findings):
    """Write down what the user set since; cheap, to be called after every change."""
    state = {"schema": SCHEMA, **findings.state()}
    segmentation.SetAttribute(_STATE, json.dumps(state, default=lambda number: number.item()))


def read(segmentation, ct) -> Findings | None:
    """The findings behind a segmentation of this CT.

    Returns:
        None if there are none.

    Raises:
        UnreadableError: What was kept is damaged, has another schema or belongs to another grid.
    """
    node = segmentation.GetNodeReference(RECORD_ROLE)
    if node is None or not node.GetText():
        return None
    state = _state(segmentation)
    result = _unpack(node.GetText(), most_bytes=_MOST_BESIDE + _MOST_A_VOXEL * ct.voxels_zyx.size)
    if result.geometry.shape_zyx != ct.geometry.shape_zyx:
        raise UnreadableError(
            f'The result "{segmentation.GetName()}" belongs to another CT; run the segmentation again.'
        )
    try:
        findings = Findings(ct, result, OperatingPoint.from_json(state["card"], "The result's model"))
        findings.restore(state)
    except _FAULTS as error:
        raise UnreadableError(_DAMAGED) from error
    return findings


def read_segments(segmentation, volume, findings: Findings):
    """Status and hand-drawn outlines, which the segments themselves hold."""
    take_over(segmentation, volume, findings)
    for lesion in findings.lesions:
        segment = segmentation.GetSegmentation().GetSegment(findings.segment_id(lesion))
        status = None if segment is None else status_of(segment)
        if status is not None and status != lesion.status:
            findings.set_status(lesion.id, status)


def _state(segmentation) -> dict:
    try:
        state = json.loads(segmentation.GetAttribute(_STATE))
        schema = state["schema"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise UnreadableError(_DAMAGED) from error
    if schema not in (SCHEMA, AN_ARRAY_EACH, WITHOUT_LESS_LIKELY):
        raise UnreadableError(
            f'The result "{segmentation.GetName()}" was saved by another version of LungTumorSeg (schema {schema}, '
            f"this version reads up to {SCHEMA}). Run the segmentation again."
        )
    return state


def _unpack(text: str, most_bytes: int) -> Result:
    """What `pack` made a text of. most_bytes: that its files may have; a small text can unpack to a thousandfold."""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="lts-") as folder,
            zipfile.ZipFile(io.BytesIO(base64.b64decode(text))) as file,
        ):
            names = (record.JSON_NAME, record.VOXELS_NAME)
            if sum(file.getinfo(name).file_size for name in names) > most_bytes:
                raise UnreadableError(_DAMAGED)
            for name in names:
                Path(folder, name).write_bytes(file.read(name))
            result = record.load(Path(folder))
    except (*_FAULTS, EOFError, OSError, zipfile.BadZipFile) as error:
        raise UnreadableError(_DAMAGED) from error
    if result.lungs is None:
        return result
    try:
        distance = distance_outside(result.lungs.hull_distance_mm, result.lungs.geometry)
    except _FAULTS as error:
        raise UnreadableError(_DAMAGED) from error
    return replace(result, lungs=replace(result.lungs, hull_distance_mm=distance))
