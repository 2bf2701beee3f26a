import sys

from LungTumorSegLib.errors import LungTumorSegError

try:
    from .cli import app
except ModuleNotFoundError as error:
    sys.exit(f"training: the package {error.name} is missing. Install what the training needs with: make setup-all")

try:
    app()
except LungTumorSegError as problem:
    print(f"training: {problem}", file=sys.stderr)
    sys.exit(problem.exit_code)
