#!/bin/sh
# find-python.sh VERSION...: prints the path of a Python of the first version that starts and can make an environment.
# A version manager's shim may be on the PATH and not run, so every candidate is started; its own versions and those of
# uv are looked at as well. Ends with 1 when there is none.
for version in "$@"; do
    for python in "python$version" python3 \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version"*/bin/python \
        "$(uv python find --no-python-downloads "$version" 2>/dev/null)" \
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
exit 1
