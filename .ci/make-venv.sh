#!/bin/sh
# make-venv.sh demo|test: .venv with a Python for it. One whose Python no longer starts, or is of another version, is made
# afresh.
set -e
versions=$(sh .ci/python-versions.sh "$1")
present=$(.venv/bin/python -c "import sys; print('%d.%d' % sys.version_info[:2])" 2>/dev/null || true)
case " $versions " in *" ${present:-none} "*) exit 0 ;; esac
python=$(sh .ci/find-python.sh $versions)
echo "Making .venv with $python"
"$python" -m venv --clear .venv
