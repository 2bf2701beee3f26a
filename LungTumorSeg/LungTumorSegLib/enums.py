"""What has one of a few values. Imports nothing, so that the command can name its choices at once."""

from enum import StrEnum


class Status(StrEnum):
    """What a user decided of a lesion."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    EDITED = "edited"


class Side(StrEnum):
    """The patient's."""

    LEFT = "left"
    RIGHT = "right"
    UNKNOWN = ""


class LungThird(StrEnum):
    """Of the height of the lungs."""

    UPPER = "upper"
    MIDDLE = "middle"
    LOWER = "lower"
    UNKNOWN = ""


class LesionType(StrEnum):
    """By density. A lesion has one: calcified and cavitated go before the others."""

    SOLID = "solid"
    PART_SOLID = "part-solid"
    GROUND_GLASS = "ground glass"
    CALCIFIED = "calcified"
    CAVITATED = "cavitated"


class Device(StrEnum):
    """Where the network is asked to run."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


class Precision(StrEnum):
    """In which numbers the network computes."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"


class CaseStatus(StrEnum):
    """How a case of a cohort ended: with a result, its input could not be used, or something else went wrong."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class Stage(StrEnum):
    """Of a run, in this order; REGISTRATION follows the runs of a comparison, EXPLAIN is all of a `LesionMap`'s."""

    LUNGS = "lungs"
    ENGINE = "engine"
    NETWORK = "network"
    VIEWS = "views"
    CLASSIFIER = "classifier"
    LESIONS = "lesions"
    REGISTRATION = "registration"
    EXPLAIN = "explain"


class MapKind(StrEnum):
    """What a `LesionMap` shows."""

    UNCERTAINTY = "uncertainty"
    HEAT = "heat"


class DicomObject(StrEnum):
    """What a result can be written as, beside its own files."""

    SEG = "seg"
    PROBABILITY = "probability"
    SR = "sr"


class Language(StrEnum):
    """Of a report."""

    ENGLISH = "en"
    CHINESE = "zh-CN"


class Fate(StrEnum):
    """What became of a lesion from one CT to the next."""

    NEW = "new"
    GONE = "gone"
    GROWING = "growing"
    STABLE = "stable"
    SHRINKING = "shrinking"
    MERGED = "merged"
    SPLIT = "split"
    NOT_COMPARED = "not compared"


class Screening(StrEnum):
    """Why the CT was taken."""

    BASELINE = "baseline"
    ANNUAL = "annual"
    INCIDENTAL = "incidental"
