"""One training example from a source: cut out, turned, deformed, thick or thin, brighter or noisier.

An example is the network's input (y, x, slices + 1), its soft target (y, x) and its loss weight (y, x).
"""

import numpy as np
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.model.card import NetworkCard
from LungTumorSegLib.sampling import slices
from scipy import ndimage

from .sources import Draw, Source, slab_matrix

AIR = slices.AIR_HU


def elastic(rng: np.random.Generator, crop: int, amplitude_mm: float) -> np.ndarray:
    """Smooth random displacement from a 4 x 4 grid of control points.

    Args:
        rng: Drawn from.
        crop: Pixels of the picture's side.
        amplitude_mm: Standard deviation at the control points.

    Returns:
        (2, y, x) in mm.
    """
    coarse = rng.normal(0, amplitude_mm, (2, 4, 4))
    return np.stack([ndimage.zoom(c, crop / 4, order=3, mode="nearest", grid_mode=True) for c in coarse])


def make_example(rng: np.random.Generator, source: Source, draw: Draw, card: NetworkCard, augment: bool = True):
    """Make one example around ``draw.centre_zyx_mm`` (mm from the source's first voxel).

    Half of all samples get thick slices: a box average of 2 to 8 mm along z, sampled at that spacing. A zoom enlarges
    image, mask and neighbour distances together: 1 mm of the network is 1 / zoom mm of the source.

    Returns:
        The network's input (y, x, slices + 1), soft target (y, x) and loss weight (y, x).
    """
    zoom, crop, (cz, cy, cx) = draw.zoom, draw.crop, draw.centre_zyx_mm
    thick = augment and rng.random() < 0.5 and not source.sideways
    step = float(rng.uniform(2, 8)) if thick else source.step_mm * zoom
    step = max(step, source.step_mm)
    reach = int(np.ceil(max(abs(o) for o in card.offsets_mm) / step)) + 1
    steps = np.arange(-reach, reach + 1)
    places = cz + steps * step / zoom
    inside = (places >= 0) & (places <= (len(source.hu) - 1) * source.step_mm)
    inside[reach] = True
    steps, places = steps[inside], places[inside]
    turn, where = _plane(rng, draw, augment)

    # only the part of the source that the crop can see
    low = np.clip(np.floor(where.min((1, 2))).astype(int) - 1, 0, np.array(source.hu.shape[1:]) - 2)
    high = np.clip(np.ceil(where.max((1, 2))).astype(int) + 2, low + 2, source.hu.shape[1:])
    window = Box(low, high).slices
    where = where - low[:, None, None]
    slab = max(step / zoom, 0.0) if thick else 0.0
    mixing = slab_matrix(len(source.hu), source.step_mm, places, slab)
    used = np.flatnonzero(mixing.any(0))
    native = slice(int(used.min()), int(used.max()) + 1)

    def sample(volume, matrix, order, cval, mirrored=source.mirrored):
        part = volume[native][:, window[0], window[1]].astype(np.float32)
        flat = (matrix[:, native] @ part.reshape(len(part), -1)).reshape(len(matrix), *part.shape[1:])
        mode = "mirror" if mirrored else "constant"
        return np.stack([ndimage.map_coordinates(s, where, order=order, mode=mode, cval=cval) for s in flat])

    stack = sample(source.hu, mixing, 1, AIR)
    centre = slab_matrix(len(source.hu), source.step_mm, np.array([cz]), slab)
    target = np.clip(sample(source.target, centre, 1, 0)[0] / 255, 0, 1)
    # Outside is air, and no lesion; or a mirror image, where a click's lesion would be a second time.
    twice = source.mirrored and draw.point_zyx_mm is not None
    weight = sample(source.weight, centre, 1, 0 if twice else 1, source.mirrored and not twice)[0]
    weight = (weight > 0.99).astype(np.float32)
    if augment:
        stack = change_intensity(rng, stack, step, zoom)
    k0 = steps[0]
    point, clicked = None, draw.point_zyx_mm
    if clicked is not None:
        pz, *pyx = clicked
        y, x = np.linalg.solve(turn, np.array(pyx) - (cy, cx)) + (crop - 1) / 2
        point = ((pz - cz) * zoom - k0 * step, y, x)
    if augment and rng.random() < 0.5:  # mirrored along z
        stack, k0 = stack[::-1], -steps[-1]
        if point is not None and clicked is not None:
            point = (-(clicked[0] - cz) * zoom - k0 * step, *point[1:])
    inputs = slices.network_input(stack, [-k0 * step], step, card, point)[0]
    return inputs, target.astype(np.float32), weight


def _plane(rng: np.random.Generator, draw: Draw, augment: bool) -> tuple[np.ndarray, np.ndarray]:
    """The in-plane map from the network's pixels to the source's.

    Its matrix (2, 2), and where each pixel of the crop lies in the source's slice (2, crop, crop), deformed at random.
    """
    angle = np.deg2rad(rng.uniform(-25, 25)) if augment else 0.0
    scale = (float(np.exp(rng.uniform(-0.2, 0.2))) if augment else 1.0) * draw.zoom
    flip = np.array([1, -1 if augment and rng.random() < 0.5 else 1])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * flip[None] / scale
    grid = np.stack(np.meshgrid(*[np.arange(draw.crop) - (draw.crop - 1) / 2] * 2, indexing="ij")).astype(float)
    if augment and rng.random() < 0.5:
        grid += elastic(rng, draw.crop, 1.5)
    return turn, np.tensordot(turn, grid, 1) + np.array(draw.centre_zyx_mm[1:])[:, None, None]


def change_intensity(rng: np.random.Generator, stack: np.ndarray, step_mm: float, zoom: float) -> np.ndarray:
    """Blur or sharpen, noise, HU shift and scale. Thick slices are less noisy; a zoomed patch lost its grain.

    Args:
        rng: Drawn from.
        stack: Slices (z, y, x) in HU.
        step_mm: Between the slices.
        zoom: By how much the patch was enlarged.
    """
    if rng.random() < 0.4:
        blurred = ndimage.gaussian_filter(stack, (0, *[rng.uniform(0.4, 1.0)] * 2))
        stack = blurred if rng.random() < 0.6 else stack + rng.uniform(0.3, 1.0) * (stack - blurred)
    if rng.random() < 0.6 or zoom > 1:
        grain = rng.normal(0, 1, stack.shape)
        if rng.random() < 0.5:
            grain = ndimage.gaussian_filter(grain, (0, 0.7, 0.7))
            grain /= max(grain.std(), 1e-6)
        stack = stack + grain * rng.uniform(5, 45) / np.sqrt(max(step_mm, 1) / 1.5)
    return (stack + 1000) * rng.uniform(0.96, 1.04) - 1000 + rng.normal(0, 12)
