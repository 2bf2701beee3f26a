import sys

from LungTumorSegLib.errors import LungTumorSegError

from .cli import app

try:
    app()
except LungTumorSegError as problem:
    print(f"training: {problem}", file=sys.stderr)
    sys.exit(problem.exit_code)
