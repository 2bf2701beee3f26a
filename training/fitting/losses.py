"""Loss and metrics. ``y_true`` carries two channels: the soft target and the loss weight of each pixel."""


def weighted_bce_and_dice(y_true, y_pred):
    """Weighted binary cross-entropy + 0.5 x Dice semimetric loss, the latter over the examples that hold a target.

    The Dice semimetric loss (Wang et al., MICCAI 2023) is 1 - (|t| + |p| - |t - p|) / (|t| + |p|) with L1 norms:
    it equals the soft Dice loss for hard labels and, unlike it, is least at p = t for soft ones.

    Args:
        y_true: (n, y, x, 2), soft target and weight.
        y_pred: (n, y, x, 1), probability.
    """
    from keras import ops

    target, weight = y_true[..., :1], y_true[..., 1:]
    p = ops.clip(y_pred, 1e-6, 1 - 1e-6)
    bce = -(target * ops.log(p) + (1 - target) * ops.log(1 - p))
    bce = ops.sum(bce * weight) / (ops.sum(weight) + 1)

    axes = (1, 2, 3)
    t, p = target * weight, y_pred * weight
    sizes = ops.sum(t, axes) + ops.sum(p, axes)
    semimetric = 1 - (sizes - ops.sum(ops.abs(t - p), axes)) / (sizes + 1)
    holds = ops.cast(ops.sum(t, axes) > 4, "float32")
    return bce + 0.5 * ops.sum(semimetric * holds) / (ops.sum(holds) + 1)


def hard_dice(target, weight, probability, threshold: float = 0.5) -> list[float]:
    """Dice of each example that holds a consensus (target >= 0.5) of at least 5 pixels, in numpy.

    Args:
        target: (n, y, x), soft.
        weight: (n, y, x); 0 where a pixel does not count.
        probability: (n, y, x).
        threshold: From which a pixel is marked.
    """
    found = []
    for t, w, p in zip(target, weight, probability, strict=True):
        reference, predicted = (t >= 0.5) & (w > 0), (p >= threshold) & (w > 0)
        if reference.sum() >= 5:
            found.append(float(2 * (reference & predicted).sum() / (reference.sum() + predicted.sum())))
    return found
