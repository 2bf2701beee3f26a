#!/bin/sh
# system.sh demo|setup-all|test: ends with 1 and says in a sentence what this computer lacks for the target, and how to get it.
# system.sh packages: only the names of Debian's packages that the tests lack here.
cd "$(dirname "$0")/.." || exit 1
missing=

lack() { missing="$missing $1"; }
library() { echo "$libraries" | grep -q "$1" || lack "$2"; }
file() {
    package=$1
    shift
    for path in "$@"; do [ -e "$path" ] && return; done
    lack "$package"
}

needs=$([ "$1" = packages ] && echo test || echo "$1")
versions=$(sh .ci/python-versions.sh "$needs")
if ! sh .ci/find-python.sh $versions >/dev/null; then
    present=$(python3 -c "import sys; print('%d.%d' % sys.version_info[:2])" 2>/dev/null)
    case " $versions " in
    *" ${present:-none} "*) lack python3-venv ;;
    *)
        if [ -z "$present" ] && command -v apt-get >/dev/null; then
            lack "python3 python3-venv"
        elif [ "$1" != packages ]; then
            here=${present:+only Python $present}
            echo "'make $1' needs Python $(echo "$versions" | sed 's/ /, /g'), and ${here:-none of them} starts here: get one with 'uv python install 3.12', or with 'conda create" \
                "--name lung python=3.12' and 'conda activate lung', and repeat the command." >&2
            exit 1
        fi
        ;;
    esac
fi

if [ "$needs" = test ] && [ "$(uname)" = Linux ]; then
    libraries=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p)
    # VTK, and what it draws with off-screen
    library libX11.so.6 libx11-6
    library libXext.so.6 libxext6
    library libXrender.so.1 libxrender1
    library libGL.so.1 libgl1
    library libEGL.so.1 libegl1
    library libEGL_ libegl-mesa0
    file libgl1-mesa-dri /usr/lib/*/dri/*_dri.so /usr/lib*/dri/*_dri.so
    # Qt, without a display
    library libglib-2.0.so.0 libglib2.0-0
    library libfontconfig.so.1 libfontconfig1
    library libxkbcommon.so.0 libxkbcommon0
    library libdbus-1.so.3 libdbus-1-3
    library libgomp.so.1 libgomp1
    file fonts-dejavu-core /usr/share/fonts/*/*.ttf /usr/share/fonts/*/*/*.ttf /usr/share/fonts/*/*/*.otf
    # what programs ask of the network is watched by strace; without certificates ONNX Runtime asks nothing anyway
    command -v strace >/dev/null || lack strace
    file ca-certificates /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs
    # A check of DICOM objects, an archive to send them to, a browser for overview and report, letters for its PDF: tests that
    # lack them skip, but in continuous integration. Nobody has to run an archive for `make test`.
    if [ "$1" = packages ]; then
        command -v chromium >/dev/null || command -v google-chrome >/dev/null || lack chromium
        command -v dciodvfy >/dev/null || lack dicom3tools
        file orthanc /usr/sbin/Orthanc /usr/local/sbin/Orthanc
        library libpangoft2-1.0.so.0 libpangoft2-1.0-0
        library libharfbuzz-subset.so.0 libharfbuzz-subset0
    fi
fi

missing=${missing# }
if [ "$1" = packages ]; then
    echo "$missing"
elif [ -n "$missing" ]; then
    if command -v apt-get >/dev/null; then
        command="$([ "$(id -u)" = 0 ] || echo 'sudo ')apt-get install --no-install-recommends $missing"
    else
        command="this system's package manager (the names are Debian's): $missing"
    fi
    without=$([ "$needs" != test ] || echo "; the library's own tests run without: make test ARGS=Testing/unit")
    echo "'make $1' needs packages that this computer lacks. Install them with: $command$without" >&2
    exit 1
fi
