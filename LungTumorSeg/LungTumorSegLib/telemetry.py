"""Telemetry of the engines' libraries: off before one of them is imported, since nothing may leave this computer."""

import os
import sys

# ONNX Runtime from 1.29 on asks Microsoft's server and writes a device id and a database of events into the user's
# cache as soon as it is loaded, unless this is set before (its Privacy.md; Linux, macOS, Windows from pip)
VARIABLES = {"ORT_DISABLE_TELEMETRY": "1"}


def silence() -> None:
    """Switch off the telemetry of ONNX Runtime and OpenVINO in this process, and ONNX Runtime's in its children.

    Call it before either is imported: both report when they are loaded. Without the module ``openvino_telemetry``
    OpenVINO takes its own silent stand-in.
    """
    os.environ.update(VARIABLES)
    # None, which stops an import, is not in the type of sys.modules
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
