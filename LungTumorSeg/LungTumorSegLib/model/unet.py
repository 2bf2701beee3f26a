"""The network: a 2.5D U-Net in plain Keras operations.

Keras is imported inside the functions: the rest of the library works without it (ONNX engines).
"""

from typing import TYPE_CHECKING

from .card import Architecture

if TYPE_CHECKING:
    import keras


def build(architecture: Architecture) -> "keras.Model":
    """The uncompiled Keras model that a model card's ``architecture`` describes.

    Encoder, decoder and skip connections as in Ronneberger et al., MICCAI 2015, with bilinear up-sampling. BatchNorm,
    never instance or group norm: those mix the whole picture in, so that a box and a whole slice would disagree;
    BatchNorm also folds into the convolutions at export.

    Args:
        architecture: The card's ``architecture``.

    Returns:
        Model that takes (batch, y, x, slices + 1) float32, y and x multiples of ``size_multiple``, one axial slice with
            its neighbours, scaled to [0, 1], and the prompt channel last, and gives (batch, y, x, 1) float32, the
            probability of tumour in the centre slice.
    """
    import keras
    from keras import layers

    filters = architecture.filters

    def block(x: "keras.KerasTensor", n: int, name: str) -> "keras.KerasTensor":
        for i in (1, 2):
            x = layers.Conv2D(n, 3, padding="same", use_bias=False, name=f"{name}_conv{i}")(x)
            x = layers.BatchNormalization(momentum=0.98, epsilon=1e-3, name=f"{name}_norm{i}")(x)
            x = layers.ReLU(name=f"{name}_relu{i}")(x)
        return x

    inputs = keras.Input((None, None, architecture.slices + 1), name="slices_and_prompt")
    x, skips = inputs, []
    for level, n in enumerate(filters):
        x = block(x, n, f"down{level}")
        if level < len(filters) - 1:
            skips.append(x)
            x = layers.MaxPooling2D(2, name=f"pool{level}")(x)
    for level in reversed(range(len(filters) - 1)):
        x = layers.UpSampling2D(2, interpolation="bilinear", name=f"upsample{level}")(x)
        x = layers.Concatenate(name=f"skip{level}")([x, skips[level]])
        x = block(x, filters[level], f"up{level}")
    # float32 even under mixed precision: a float16 sigmoid saturates
    outputs = layers.Conv2D(1, 1, activation="sigmoid", dtype="float32", name="probability")(x)
    return keras.Model(inputs, outputs, name="lung_tumor_unet")


def size_multiple(architecture: Architecture) -> int:
    """Side lengths that the network takes are multiples of this: one halving a level."""
    return 2 ** (len(architecture.filters) - 1)


def receptive_radius(architecture: Architecture) -> int:
    """Pixels on each side that can change one output pixel (theoretical, an upper bound).

    Going down, a level's two 3x3 convolutions add 2 pixels of its own size and the pooling up to one; coming up,
    bilinear up-sampling adds one coarse pixel and two convolutions two.
    """
    levels = len(architecture.filters)
    down = sum(2 * 2**level for level in range(levels)) + (2 ** (levels - 1) - 1)
    up = sum(2 ** (level + 1) + 2 * 2**level for level in range(levels - 1))
    return down + up
