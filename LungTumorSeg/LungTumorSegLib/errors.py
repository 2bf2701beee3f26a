"""Typed errors. Each message is one sentence or two that tell a radiologist what is wrong and what to do.

The library raises them; the panel shows them, the shell prints them, the cohort records them.
``exit_code`` is what the command ``lungtumorseg`` ends with.
"""


class LungTumorSegError(Exception):
    """Base class of everything that the library raises on purpose."""

    exit_code = 1
    log = ""  # the end of the child process's standard error, where the error came from it


class InputError(LungTumorSegError):
    """The input cannot be used, or the output cannot be written."""

    exit_code = 3


class UnreadableError(InputError):
    """A file is missing, damaged, truncated or of an unknown kind."""


class GeometryError(InputError):
    """The voxels have no usable place in space: spacing, missing slices, 2D, too few slices."""


class NotACTError(InputError):
    """The voxels are not a CT in Hounsfield units."""


class NoLungsFoundError(InputError):
    """Less than 300 ml of lung air: not a chest, or a chest without aerated lung."""


class OutputError(InputError):
    """The results cannot be written where the user wants them."""


class ModelError(LungTumorSegError):
    """The model was refused."""

    exit_code = 4


class ModelMismatchError(ModelError):
    """Checksum, architecture or stored input/output pair of a model bundle do not agree."""


class NoWeightsError(ModelMismatchError):
    """The bundle has no weights for this engine; another one may have them."""


class EngineError(LungTumorSegError):
    """The engine (TensorFlow, ONNX Runtime, OpenVINO) is not installed or failed."""

    exit_code = 5


class OutOfMemoryError(EngineError):
    """The device has too little memory for this batch; a smaller one may fit."""


class WorkerError(EngineError):
    """The child process ended or answered nonsense.

    Args:
        log: the end of its standard error.
    """

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class NetworkError(LungTumorSegError):
    """A DICOM server is not there, refuses, or breaks off."""

    exit_code = 6


class CohortFailures(LungTumorSegError):
    """Some cases of a cohort have no result; what could be done is done."""

    exit_code = 6


class Cancelled(LungTumorSegError):
    """The user cancelled."""

    exit_code = 130
