"""The command line as a user meets it: output, files, errors, exit codes."""

import json
import signal
import subprocess
import sys
import time

import pytest

NFG = """NFG 1 R "coordination" { "Ann" "Bob" } { { "up" "down" } { "left" "right" } }

2 1 0 0 0 0 1 2
"""


def run(*arguments, cwd=None):
    command = [sys.executable, "-c", "from solvers.cli.main import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def test_help_teaches_and_no_arguments_show_it():
    for arguments in ([], ["--help"]):
        done = run(*arguments)
        for word in ("list", "solve", "psro", "check", "counterplay psro leduc_poker"):
            assert word in done.stdout + done.stderr


def test_version_says_where_the_packages_are():
    done = run("--version")
    assert done.returncode == 0
    assert all(package in done.stdout for package in ("counterplay", "games:", "marl:", "solvers:"))


def test_list_shows_names_and_filters_by_tag():
    everything = run("list")
    assert everything.returncode == 0
    for name in ("stag-hunt", "zero_sum_lp", "exact", "risk_averse"):
        assert name in everything.stdout
    tagged = run("list", "solvers", "--tag", "tree")
    assert "double_oracle" in tagged.stdout
    assert "zero_sum_lp" not in tagged.stdout
    assert run("list", "--tag", "no-such-tag").returncode == 2
    assert "leduc_poker" in run("list", "open-spiel").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["rock-paper-scissors"],
        ["matrix_rps", "--solver", "zero_sum_prm"],
        ["stag-hunt", "--solver", "risk_averse", "--gamma", "1", "--start", "0.8,0.2/0.8,0.2", "--seed", "3"],
        ["kuhn_poker"],
        ["kuhn_poker", "--solver", "zero_sum_lp"],
    ],
)
def test_solve_then_check(tmp_path, arguments):
    file = tmp_path / "result.json"
    done = run("solve", *arguments, "--out", file)
    assert done.returncode == 0, done.stderr
    assert "certified" in done.stdout
    checked = run("check", file)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "agrees" in checked.stdout


def test_a_result_that_claims_too_much_is_found_out(tmp_path):
    file = tmp_path / "result.json"
    assert run("solve", "kuhn_poker", "--tol", "0.2", "--out", file).returncode == 0
    header = json.loads(file.read_text())

    def lower(node):
        for key, value in node.items():
            if isinstance(value, dict):
                lower(value)
            elif key == "bound":
                node[key] = 0.0

    lower(header)
    file.write_text(json.dumps(header))
    done = run("check", file)
    assert done.returncode == 1
    assert "DISAGREES" in done.stdout


def test_psro_resumes_draws_and_saves(tmp_path):
    command = ["psro", "kuhn_poker", "--checkpoint", tmp_path / "run.json", "--checkpoint-every", "1"]
    assert run(*command, "--iterations", "2").returncode == 1  # not there yet
    done = run(*command, "--plot", tmp_path / "new" / "gap.png", "--out", tmp_path / "out.json")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new" / "gap.png").read_bytes().startswith(b"\x89PNG")
    assert run("check", tmp_path / "out.json").returncode == 0


def test_psro_towards_a_risk_averse_equilibrium(tmp_path):
    file = tmp_path / "kuhn.json"
    risk = ["--oracle", "risk_averse", "--meta-solver", "risk_averse", "--gamma", "0.5"]
    done = run("psro", "kuhn_poker", *risk, "--tol", "1e-7", "--out", file)
    assert done.returncode == 0, done.stderr
    assert "risk_nash_conv" in done.stdout
    checked = run("check", file)
    assert checked.returncode == 0
    assert "nash_conv claimed" in checked.stdout
    assert run("psro", "kuhn_poker", *risk, "--variance", "totl").returncode == 2


def test_files_of_gambit_are_games(tmp_path):
    file = tmp_path / "coordination.nfg"
    file.write_text(NFG)
    done = run("solve", file)
    assert done.returncode == 0, done.stderr
    assert "Ann" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["solve", "leduk_poker"], ["leduk_poker", "leduc_poker"]),
        (["solve", "stag-hunt", "--solver", "zero_sumlp"], ["zero_sum_lp"]),
        (["solve", "stag-hunt", "--solver", "zero_sum"], ["constant", "risk_averse"]),
        (["solve", "kuhn_poker", "--gamma", "1"], ["double_oracle", "--gamma"]),
        (["solve", "stag-hunt", "--gamma", "-1"], ["gamma"]),
        (["solve", "stag-hunt", "--start", "0.8/0.2"], ["start", "0.8,0.2/0.5,0.5"]),
        (["solve", "missing.nfg"], ["missing.nfg"]),
        (["psro", "kuhn_poker", "--meta-solver", "nahs"], ["nash"]),
        (["psro", "kuhn_poker", "--gamma", "1"], ["risk_averse", "--gamma"]),
        (["psro", "stag-hunt"], ["constant-sum", "risk_averse"]),
        (["check", "missing.json"], ["missing.json"]),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(arguments, words):
    done = run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_an_interrupt_keeps_the_checkpoint_and_says_so(tmp_path):
    file = tmp_path / "run.json"
    command = "from solvers.cli.main import main; main()"
    checkpointing = ["--checkpoint", str(file), "--checkpoint-every", "1"]
    arguments = [
        "psro",
        "leduc_poker",
        "--meta-solver",
        "uniform",
        "--expander",
        "all",
        "--iterations",
        "1000000",
    ]
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", command, *arguments, *checkpointing],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    try:
        _, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # the handler writes where every thread is
        pytest.fail(f"the run went on after an interrupt:\n{process.communicate()[1]}")
    assert process.returncode == 130
    assert "run.json resumes the run" in err
    assert "Traceback" not in err
    resumed = run(*arguments[:-1], "3", "--checkpoint", file)
    assert resumed.returncode == 1
    assert "limit" in resumed.stdout + resumed.stderr
