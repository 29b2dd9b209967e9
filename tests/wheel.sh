#!/usr/bin/env bash
# Build the wheel, install it into an environment of its own, and run the tests against that copy from an empty
# folder: with three top-level packages a test run beside the sources would not notice a file missing from the wheel.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
pip() { "$work/venv/bin/python" -m pip --disable-pip-version-check -q "$@"; }
pip install -U "pip>=25.1"
pip wheel --no-deps -w "$work/dist" "$root"
(cd "$root" && pip install -c constraints.txt --group test)
pip install -c "$root/constraints.txt" "$work"/dist/counterplay-*.whl
cp -r "$root/tests" "$root/examples" "$root/README.md" "$root/pyproject.toml" "$work/"
cd "$work"
"$work/venv/bin/counterplay" --version | tee version.txt
if grep -q "$root" version.txt; then
    echo "the sources were loaded, not the wheel" >&2
    exit 1
fi
"$work/venv/bin/python" -m pytest tests -n 2 -m "not slow" -q
