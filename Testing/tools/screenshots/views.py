"""The four views of Slicer's usual layout with a result, drawn by Slicer's displayable managers."""

import numpy as np
import slicer
from PIL import Image, ImageDraw, ImageFont

from Testing.support import lungs_model, offscreen

BAR = 18
# letter, orientation, colour of the bar as in Slicer, axis of the offset (RAS)
SLICES = (
    ("R", "Axial", (243, 74, 51), "S", 2),
    ("G", "Coronal", (110, 176, 75), "A", 1),
    ("Y", "Sagittal", (237, 213, 76), "R", 0),
)
VIEW_BAR = (120, 124, 190)
# the axial view's width in long axes of the lesion, and the least of it
CLOSE, CLOSE_MM = 3.0, 100.0
ZOOM_3D = 1.3


def four_views(application, logic, findings, lesion_id: int, side: int = 400) -> np.ndarray:
    """Axial (close), 3D, coronal and sagittal view of a lesion. side: of one view, pixels. uint8 (rows, columns, 3)."""
    axial, coronal, sagittal = slice_views(application, logic, findings, lesion_id, side)
    solid = with_bar(solid_view(application, findings, side), VIEW_BAR, "1")
    return np.vstack([np.hstack([axial, solid]), np.hstack([coronal, sagittal])])


def ct_views(application, volume, side: int = 400) -> np.ndarray:
    """The same four views of a CT without a result, through its middle."""
    bounds = [0.0] * 6
    volume.GetRASBounds(bounds)
    middle = [(low + high) / 2 for low, high in zip(bounds[::2], bounds[1::2], strict=True)]
    axial, coronal, sagittal = (
        with_bar(
            offscreen.slice_picture(application, volume, middle, (side, side), None, orientation),
            color,
            f"{letter}   {axis}: {middle[index]:.1f} mm",
        )
        for letter, orientation, color, axis, index in SLICES
    )
    empty = offscreen.SolidView(application, slicer.mrmlScene, (side, side))
    try:
        solid = with_bar(empty.picture(), VIEW_BAR, "1")
    finally:
        empty.close()
    return np.vstack([np.hstack([axial, solid]), np.hstack([coronal, sagittal])])


def slice_views(application, logic, findings, lesion_id: int, side: int, orientations=SLICES) -> list[np.ndarray]:
    """The slice views through a lesion's middle, each under its bar."""
    volume, place = logic.volume(findings), logic.lesion_position(findings, lesion_id)
    close_mm = max(CLOSE_MM, CLOSE * findings.lesion(lesion_id).long_axis_mm)
    made = []
    for letter, orientation, color, axis, index in orientations:
        field = close_mm if orientation == "Axial" else None
        picture = offscreen.slice_picture(application, volume, place, (side, side), field, orientation)
        made.append(with_bar(picture, color, f"{letter}   {axis}: {place[index]:.1f} mm"))
    return made


def solid_view(application, findings, side: int) -> np.ndarray:
    """The lesions' surfaces in the lungs, from the front. What is rejected is not in it."""
    lungs = lungs_model.add(findings)
    try:
        return offscreen.view_picture(application, slicer.mrmlScene, (side, side), ZOOM_3D)
    finally:
        if lungs is not None:
            slicer.mrmlScene.RemoveNode(lungs)


def with_bar(picture: np.ndarray, color, text: str) -> np.ndarray:
    bar = Image.new("RGB", (picture.shape[1], BAR), color)
    ImageDraw.Draw(bar).text((6, 2), text, fill=(0, 0, 0), font=ImageFont.load_default(12))
    return np.vstack([np.asarray(bar), picture])
