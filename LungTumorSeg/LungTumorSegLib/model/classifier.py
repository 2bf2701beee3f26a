"""Is a candidate a nodule? A small 3D network that sees it in all directions at once: false-positive reduction.

A second network on the candidates of the first is how the best nodule detectors thin their false positives: Setio et
al., Med Image Anal 42, 2017; Dou et al., IEEE TBME 64, 2017. Keras is imported inside `build` only.
"""

from typing import TYPE_CHECKING

from .card import CUBE_SIDE, ClassifierArchitecture

if TYPE_CHECKING:
    import keras


def build(architecture: ClassifierArchitecture) -> "keras.Model":
    """The uncompiled Keras model that a card's ``classifier`` describes.

    The head sees the mean of all and that of the middle half.

    Args:
        architecture: The card's ``classifier``.

    Returns:
        Model that takes (batch, z, y, x, 1) float32, 32 pixels a side, scaled to [0, 1], the candidate in the middle,
            and gives (batch, 1) float32, the probability of a nodule.
    """
    import keras
    from keras import layers

    def block(x: "keras.KerasTensor", n: int, name: str, size: int = 3, stride: int = 1) -> "keras.KerasTensor":
        x = layers.Conv3D(n, size, stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
        x = layers.BatchNormalization(name=f"{name}_norm")(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    inputs = keras.Input((CUBE_SIDE, CUBE_SIDE, CUBE_SIDE, 1), name="cube")
    x = inputs
    for level, n in enumerate(architecture.filters):
        if level:
            x = layers.MaxPooling3D(2, name=f"pool{level}")(x)
        # at full size the first convolution alone would take longer than all others
        x = block(x, n, f"level{level}a", *((3, 1) if level else (5, 2)))
        x = block(x, n, f"level{level}b")
    middle = layers.GlobalAveragePooling3D(name="middle")(layers.Cropping3D(x.shape[1] // 4, name="inner")(x))
    x = layers.Concatenate(name="both")([layers.GlobalAveragePooling3D(name="all")(x), middle])
    x = layers.Dropout(0.3, name="dropout")(x)
    return keras.Model(inputs, layers.Dense(1, "sigmoid", dtype="float32", name="nodule")(x), name="nodule_classifier")
