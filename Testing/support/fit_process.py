"""One process of a fit on JAX, as `python -m training fit` runs it; keeps what its own copy of the network became.

``python -m Testing.support.fit_process CONFIG OUTPUT.npz``. The environment says which process this is, if there are
several.
"""

import sys
from pathlib import Path


def main(settings: Path, output: Path) -> None:
    import keras
    import numpy as np

    from training import config
    from training.fitting import unet

    run = keras.Model.fit

    def run_and_keep(model, *given, **named):
        run(model, *given, **named)
        np.savez(output, *[np.asarray(v.value) for v in model.weights])

    keras.Model.fit = run_and_keep
    unet.VALIDATION_EXAMPLES = 8
    unet.fit(config.load(settings))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
