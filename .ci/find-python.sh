#!/bin/sh
# Prints the path of the newest of Python 3.12 and 3.11 that really starts and can make an environment. A version
# manager's shim may be on the PATH and not run, so every candidate is started; its own versions are looked at as well.
for version in 3.12 3.11; do
    for python in "python$version" python3 \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version"*/bin/python \
        /usr/local/bin/"python$version" /usr/bin/"python$version" /opt/homebrew/bin/"python$version"; do
        found=$("$python" -c "
import sys
import ensurepip, venv
if '%d.%d' % sys.version_info[:2] == '$version':
    print(sys.executable)" 2>/dev/null) || continue
        if [ -n "$found" ]; then
            echo "$found"
            exit 0
        fi
    done
done
echo "LungTumorSeg needs Python 3.12 or 3.11 with its venv module, and none of them starts here. Install one," \
    "for example with: apt-get install python3 python3-venv" >&2
exit 1
