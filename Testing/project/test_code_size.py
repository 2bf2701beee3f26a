"""One idea a file and a function: neither grows long unnoticed."""

import ast

import pytest

from Testing.support.paths import MODULE, ROOT

LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 60
# a longer function says why in a line of its docstring that begins so
REASON = "Long because "
FILES = sorted(path for folder in (MODULE, ROOT / "training", ROOT / "Testing") for path in folder.rglob("*.py"))


def long_functions(text: str) -> list[str]:
    """``name (lines)`` of the functions and methods over the limit that give no reason, decorators not counted."""
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    sizes = ((node, node.end_lineno - node.lineno + 1) for node in functions)
    return [
        f"{node.name} ({lines})"
        for node, lines in sizes
        if lines > LINES_OF_A_FUNCTION
        and not any(line.strip().startswith(REASON) for line in (ast.get_docstring(node) or "").splitlines())
    ]


def test_no_file_is_longer_than_400_lines():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {name: lines for name, lines in lengths.items() if lines > LINES_OF_A_FILE} == {}


def test_no_function_is_longer_than_60_lines_unless_it_says_why():
    found = {str(path.relative_to(ROOT)): long_functions(path.read_text("utf-8")) for path in FILES}
    assert {name: functions for name, functions in found.items() if functions} == {}


@pytest.mark.parametrize(
    ("lines", "docstring", "long"),
    [(60, "Text.", []), (61, "Text.", ["f (61)"]), (61, "Text.\n\n    Long because the steps are one table.", [])],
)
def test_a_function_is_measured_from_its_name_to_its_end(lines, docstring, long):
    opening = f'@decorator\ndef f():\n    """{docstring}"""\n'
    body = "    pass\n" * (lines - opening.count("\n") + 1)
    assert long_functions(opening + body) == long
