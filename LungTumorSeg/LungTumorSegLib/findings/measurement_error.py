"""The largest error of volume and diameters, given the outline, by how many slices a lesion has.

Of balls of 6 to 30 mm in 30 positions between the voxels, pixels of 0.75 mm, slices of 1, 2.5 and 5 mm:
`python -m Testing.tools.measurement_errors` prints the figures. Those of volume are raised to hold with pixels of 1 mm
as well. What lies between is interpolated. Where the outline itself should lie is another question:
`docs/measurements.md` has the model's error and the readers'.
"""

import numpy as np

# of the surface between voxels from the probability; by long axis / slice distance
_SLICES = (1.2, 2.4, 3, 4, 6, 10, 15, 20, 30)
_VOLUME_PERCENT = (40.2, 11.6, 5.5, 5.5, 5.5, 2.0, 1.2, 0.8, 0.6)
_DIAMETER_SLICES = (0.51, 0.29, 0.21, 0.21, 0.13, 0.07, 0.05, 0.05, 0.05)  # mm / slice distance
_DIAMETER_PIXELS = 0.3  # at least
# of an outline without a probability
_OUTLINE_VOLUME_PERCENT = (35, 28, 15, 10, 9.7, 3, 2.3, 1.5, 1.5)
_OUTLINE_DIAMETER_SLICES = (0.53, 0.46, 0.41, 0.33, 0.25, 0.2, 0.2, 0.2, 0.2)
_OUTLINE_DIAMETER_PIXELS = 0.85


def volume_error(long_axis_mm: float, slice_mm: float, from_probability: bool = True) -> float:
    """The largest error of a lesion's volume, given the outline.

    Args:
        long_axis_mm: Of the lesion.
        slice_mm: Distance of the slices.
        from_probability: Of the surface between voxels from the probability, else of an outline without one.

    Returns:
        Percent of the volume, to either side.
    """
    table = _VOLUME_PERCENT if from_probability else _OUTLINE_VOLUME_PERCENT
    return float(np.interp(long_axis_mm / slice_mm, _SLICES, table))


def diameter_error(long_axis_mm: float, slice_mm: float, pixel_mm: float, from_probability: bool = True) -> float:
    """The largest error of long and short axis, given the outline.

    Args:
        long_axis_mm: Of the lesion.
        slice_mm: Distance of the slices.
        pixel_mm: The larger spacing in plane.
        from_probability: Of the surface between voxels from the probability, else of an outline without one.

    Returns:
        mm, to either side.
    """
    table = _DIAMETER_SLICES if from_probability else _OUTLINE_DIAMETER_SLICES
    pixels = _DIAMETER_PIXELS if from_probability else _OUTLINE_DIAMETER_PIXELS
    return float(max(np.interp(long_axis_mm / slice_mm, _SLICES, table) * slice_mm, pixels * pixel_mm))
