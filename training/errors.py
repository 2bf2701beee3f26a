"""Errors of the training, beside the library's: sentences for who trains. `__main__` prints them."""

from LungTumorSegLib.errors import InputError, LungTumorSegError, OutputError


class DataError(InputError, ValueError):
    """Data that nothing, or something wrong, would be learnt from."""


class SettingsError(LungTumorSegError, ValueError):
    """A configuration, or an option, that cannot be."""

    exit_code = 2


class OrderError(LungTumorSegError, FileNotFoundError):
    """A step before this one has not been run."""

    exit_code = 2


class OccupiedError(OutputError, FileExistsError):
    """A folder holds something that would be lost."""
