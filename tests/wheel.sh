#!/usr/bin/env bash
# Build the wheel and install it into an environment of its own: with three top-level packages a test run beside the
# sources would not notice a file missing from the wheel. Its files must be those of the repository; then what users
# start with runs on that copy from an empty folder: the README, the examples, the commands.
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
cp -r "$root/tests" "$root/examples" "$root/docs" "$root/README.md" "$root/pyproject.toml" "$work/"
cd "$work"
"$work/venv/bin/counterplay" --version | tee version.txt
if grep -q "$root" version.txt; then
    echo "the sources were loaded, not the wheel" >&2
    exit 1
fi
site=$("$work/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
diff <(cd "$root" && git ls-files games marl solvers | sort) \
    <(cd "$site" && find games marl solvers -type f -not -path '*/__pycache__/*' | sort)
"$work/venv/bin/python" -m pytest -n 2 -m "not slow" -q \
    tests/test_packages.py tests/test_readme.py tests/test_examples.py tests/solvers/test_cli.py
