"""Which engine runs the network: the one that was asked for, or the best one that this machine has."""

from collections.abc import Iterator
from importlib import import_module

from ...enums import Device, Precision
from ...errors import EngineError, NoWeightsError
from ..bundle import Bundle
from . import ENGINE_NAMES, names
from .base import Availability, Engine


def _every_engine() -> dict[str, type[Engine]]:
    """By name, in the order of the files; none of their modules imports its library yet."""
    for name in names():
        import_module(f"{__package__}.{name}_engine")
    engines = {engine.name: engine for engine in Engine.__subclasses__()}
    return {name: engines[name] for name in names()}


ENGINES = _every_engine()


def installed() -> list[str]:
    """Names of the engines whose library is there (looked for, not imported)."""
    return [name for name, engine in ENGINES.items() if engine.installed()]


def available() -> list[Availability]:
    """What each engine has on this machine; imports the installed ones, so call it in a child or a shell."""
    return [engine.probe() for engine in ENGINES.values()]


def open_engine(
    bundle: Bundle,
    engine: str = "auto",
    device: Device = Device.AUTO,
    precision: Precision = Precision.AUTO,
    threads: int | None = None,
) -> Engine:
    """Open the engine that was asked for, or the best one for ``auto``, and check it against the stored pair.

    Order for auto: TensorFlow or ONNX Runtime on a GPU; then, on the CPU, OpenVINO, ONNX Runtime, TensorFlow (the order
    of their measured speed). One that does not start is passed over and named in ``reason``.

    Args:
        bundle: The model.
        engine: One of `ENGINE_NAMES`.
        device: Where it shall run.
        precision: See `Engine`.
        threads: See `Engine`.

    Raises:
        EngineError: There is no such engine, device or precision, or none is installed or starts.
        ModelMismatchError: The weights do not fit or the stored pair is not reproduced.
    """
    if engine not in ENGINE_NAMES:
        raise EngineError(f"There is no engine {engine!r}. Choose one of {', '.join(ENGINE_NAMES)}.")
    if device not in tuple(Device):
        raise EngineError(f"There is no device {device!r}. Choose one of {', '.join(Device)}.")
    if precision not in tuple(Precision):
        raise EngineError(f"There is no precision {precision!r}. Choose one of {', '.join(Precision)}.")
    there, how = installed(), (Precision(precision), threads)
    if engine == "auto":
        return _open_best(bundle, there, device, *how)
    if engine not in there:
        raise EngineError(
            f"The engine {engine} is not installed. Install it in the module's Environment section, or with pip."
        )
    return _open(ENGINES[engine], bundle, device, *how)


def _open_best(bundle: Bundle, there: list[str], device: Device, precision: Precision, threads: int | None) -> Engine:
    if not there:
        raise EngineError(
            "No engine is installed to run the network: neither TensorFlow, ONNX Runtime nor OpenVINO. "
            "Install one in the module's Environment section, or with pip."
        )
    passed_over = []
    for name, on_device in _auto_order(there, device):
        try:
            engine = _open(ENGINES[name], bundle, on_device, precision, threads)
        except (EngineError, ImportError, NoWeightsError) as problem:
            # a GPU that nobody insisted on is tried in silence
            if device == Device.GPU or on_device == Device.CPU or not isinstance(problem, EngineError):
                passed_over.append(f"{name}: {problem}")
            continue
        if passed_over:
            engine.reason += f" (passed over: {'; '.join(passed_over)})"
        return engine
    why = " ".join(passed_over) or "None that is installed can use a GPU. Choose the device 'auto' or 'cpu'."
    raise EngineError(f"No engine could be started. {why}")


def _open(kind: type[Engine], bundle: Bundle, device: Device, precision: Precision, threads: int | None) -> Engine:
    engine = kind(bundle, device, precision, threads)
    engine.check(bundle)
    return engine


def _auto_order(there: list[str], device: Device) -> Iterator[tuple[str, Device]]:
    """(engine, device), best first. No library is imported only to hear that it has no GPU."""
    engines = [ENGINES[name] for name in there]
    if device != Device.CPU:
        able = [(engine.gpu_rank, engine.name) for engine in engines if engine.gpu_rank and engine.may_have_gpu()]
        yield from ((name, Device.GPU) for _, name in sorted(able))
    if device != Device.GPU:
        able = [(engine.cpu_rank, engine.name) for engine in engines if engine.cpu_rank]
        yield from ((name, Device.CPU) for _, name in sorted(able))
