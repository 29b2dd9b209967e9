"""A run that is killed at any moment goes on from its checkpoint to the very same end."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

MAIN = [sys.executable, "-c", "from solvers.cli.main import main; main()"]
LEDUC = ["leduc_poker", "--iterations", "60", "--checkpoint-every", "1"]
KUHN = ["kuhn_poker", "--iterations", "6", "--learn", "1500", "--extra", "2000", "--verification", "50"]
RUNS = {
    "psro": ["psro", *LEDUC],
    "jpsro": ["jpsro", "kuhn_poker(players=3)", "--iterations", "12", "--checkpoint-every", "1"],
    "sampled": ["sampled-psro", *KUHN],
}
CLOCKS = {"seconds", "trace_seconds"}


def held(checkpoint):
    """Header and arrays, without what depends on the clock."""
    header = json.loads(checkpoint.read_text())
    with np.load(checkpoint.with_name(header.pop("arrays")["file"])) as arrays:
        return header, {name: arrays[name] for name in arrays.files if name not in CLOCKS}


@pytest.mark.parametrize("name", RUNS)
def test_killed_runs_end_like_whole_ones(name, tmp_path):
    whole, broken = tmp_path / "whole.json", tmp_path / "broken.json"
    command = [*MAIN, *RUNS[name]]
    subprocess.run([*command, "--checkpoint", whole], capture_output=True, check=False, cwd=tmp_path)
    deaths = 0
    for delay in (0.0, 0.15):  # after the first checkpoint, and some iterations later
        before = broken.stat().st_mtime_ns if broken.exists() else 0
        run = subprocess.Popen(
            [*command, "--checkpoint", broken],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tmp_path,
        )
        while run.poll() is None and (not broken.exists() or broken.stat().st_mtime_ns == before):
            time.sleep(0.005)
        time.sleep(delay)
        run.send_signal(signal.SIGKILL)
        deaths += run.wait() == -signal.SIGKILL
    assert deaths >= 1  # else nothing was tested
    subprocess.run([*command, "--checkpoint", broken], capture_output=True, check=False, cwd=tmp_path)
    (header, arrays), (other_header, other) = held(whole), held(broken)
    assert header == other_header
    assert arrays.keys() == other.keys()
    for key, array in arrays.items():
        np.testing.assert_array_equal(array, other[key], err_msg=key)
