#!/bin/sh
# make-venv.sh demo|test: .venv with a Python for it, and pip, which 'uv venv' leaves out. One whose Python no longer starts,
# or is of another version, is made afresh.
set -e
versions=$(sh .ci/python-versions.sh "$1")
present=$(.venv/bin/python -c "import sys; print('%d.%d' % sys.version_info[:2])" 2>/dev/null || true)
pip_is_there() { .venv/bin/python -m pip --version || .venv/bin/python -m ensurepip; }
case " $versions " in *" ${present:-none} "*) if pip_is_there >/dev/null 2>&1; then exit 0; fi ;; esac
python=$(sh .ci/find-python.sh $versions)
echo "Making .venv with $python"
"$python" -m venv --clear .venv
