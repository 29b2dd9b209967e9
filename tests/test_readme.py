"""What the README shows is what happens."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL))
def test_code_runs(code, tmp_path):
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr


def test_commands_run(tmp_path):
    """In the order of the README, since the last ones use files of the ones before."""
    lines = re.findall(r"^    counterplay (.*?)(?:\s+#.*)?$", TEXT, flags=re.MULTILINE)
    assert len(lines) >= 5
    for line in lines:
        main = [sys.executable, "-c", "from solvers.cli.main import main; main()"]
        arguments = shlex.split(line.replace("--iterations 200", "--iterations 12"))
        done = subprocess.run([*main, *arguments], capture_output=True, text=True, cwd=tmp_path, check=False)
        # A short PSRO run does not reach its tolerance, and says so by its exit code.
        assert done.returncode == (1 if arguments[:2] == ["psro", "leduc_poker"] else 0), done.stderr
