"""How far the measures of balls are off, by slice distance: `python -m Testing.tools.measurement_errors`.

30 positions between the voxels each, from the probability and from the outline alone. Prints a table in Markdown.
"""

from collections.abc import Iterator

import numpy as np
from LungTumorSegLib.findings.field import field_of
from LungTumorSegLib.findings.shape import Shape, counted, shape_of

from Testing.support import bodies

POSITIONS = 30
PIXEL_MM = 0.75
SLICES_MM = (1.0, 2.5, 5.0)
DIAMETERS_MM = (6.0, 10.0, 15.0, 20.0, 30.0)
HEAD = "| slices | diameter | from | volume | long axis | short axis | coronal, sagittal | longest in 3D | surface |"


def balls(diameter: float, spacing_xyz, from_probability: bool = True, positions: int = POSITIONS) -> Iterator[Shape]:
    """The measured shape of a ball in many places of the grid, the same ones each time."""
    random = np.random.default_rng(7)
    for _ in range(positions):
        centre = (random.random(3) - 0.5) * spacing_xyz
        geometry = bodies.grid(spacing_xyz, diameter / 2)
        share = bodies.shares(geometry, bodies.ellipsoid(centre, (diameter / 2,) * 3))
        lesion, mask, _, candidate = bodies.lesion_of(share, geometry)
        shape = shape_of(field_of(mask, lesion.label_box, geometry, candidate if from_probability else None))
        yield shape if from_probability else counted(shape, mask, geometry.crop(lesion.label_box))


def errors(diameter: float, spacing_xyz, from_probability: bool = True) -> dict[str, np.ndarray]:
    """By measure: of volume and surface in percent, of diameters in mm, each position its own."""
    found = list(balls(diameter, spacing_xyz, from_probability))
    true = {"volume_mm3": np.pi / 6 * diameter**3, "surface_mm2": np.pi * diameter**2}
    off = {}
    for name in Shape.__dataclass_fields__:
        values = np.array([getattr(shape, name) for shape in found])
        if name in true:
            off[name] = 100 * (values / true[name] - 1)
        elif name != "sphericity":
            off[name] = values - diameter
    return off


def _range(*values: np.ndarray, unit: str) -> str:
    every = np.concatenate(values)
    return f"{every.min():+.1f} to {every.max():+.1f} {unit}"


def main() -> None:
    print(HEAD)
    print("|---" * HEAD.count(" | ") + "|---|")
    for step in SLICES_MM:
        for source in (True, False):
            for diameter in DIAMETERS_MM:
                off = errors(diameter, (PIXEL_MM, PIXEL_MM, step), source)
                cells = (
                    f"{step:g} mm",
                    f"{diameter:g} mm",
                    "probability" if source else "outline",
                    _range(off["volume_mm3"], unit="%"),
                    _range(off["long_axis_mm"], unit="mm"),
                    _range(off["short_axis_mm"], unit="mm"),
                    _range(off["coronal_mm"], off["sagittal_mm"], unit="mm"),
                    _range(off["longest_mm"], unit="mm"),
                    _range(off["surface_mm2"], unit="%"),
                )
                print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
