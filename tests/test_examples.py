"""Every example runs, offline, and leaves what it promises."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
ARGUMENTS = {
    "bandit_planners.py": ["--out", "out", "--arms", "2", "--iterations", "2"],
    "catastrophic_cells.py": ["--out", "out"],
    "deep_psro.py": ["--out", "out", "--steps", "2000", "--iterations", "2"],
    "demo.py": ["--out", "out", "--leduc-iterations", "15"],
    "driving.py": ["--out", "out"],
    "influence.py": ["--out", "out"],
    "influence_competition.py": ["--out", "out"],
    "inpo_language_model.py": ["--out", "out", "--rounds", "2"],
    "own_tree.py": ["--out", "out"],
    "play_saved.py": ["--out", "out"],
    "player_in_population.py": ["--out", "out", "--answers", "10"],
    "preference_games.py": ["--out", "out"],
    "rationality.py": ["--out", "out"],
    "risk_frontier.py": ["--out", "out"],
    "sampled_psro.py": ["--iterations", "4"],
    "sequoia.py": ["--out", "out"],
    "trust_dilemma.py": ["--out", "out"],
}
WORDS = {
    "bandit_planners.py": ["nash_conv <=", "with confidence 1", "out/planners.png"],
    "bandit_shifts.py": ["even steps", "SEQUOIA", "every action is allowed"],
    "catastrophic_cells.py": ["three-lanes", "out/guarded-pass.png"],
    "deep_psro.py": ["iteration 2: the responses gain", "exact NashConv in the whole game: 4.75 before"],
    "demo.py": ["22 of 22 saved certificates", "stag_hunt_basins.png"],
    "driving.py": ["RAE-PSRO      crashes 0.0000", "highway-env"],
    "influence.py": ["Javert invites", "NashConv at most", "files: cascade.png, ratio.png, spread.png"],
    "influence_competition.py": ["(certified)", "aversion 3: 32 33 (100%)", "files: aversion.png"],
    "influence_limits.py": ["seed sets are drawn from", "3 new arcs"],
    "inpo_language_model.py": ["DPO, round by round", "equilibrium", "files: distances.png"],
    "own_action_set.py": ["at most 5 sites", "3. sites", "argmax_gap at most", "equal: True"],
    "own_tree.py": ["value 0.3333", "from the file: True"],
    "matrix_games.py": ["[0.5    0.3333 0.1667]"],
    "pettingzoo_env.py": ["uniform play pays"],
    "play_saved.py": ["cross-play", "files: averse.json, cross_play.png, episode.gif, neutral.json"],
    "player_in_population.py": [
        "novice             0    0.223   0.223 to 0.223",
        "transformer",
        "PSRO from these players: NashConv",
        "files: payoffs.png, weights.png",
    ],
    "preference_games.py": ["(4, 3, 4) / 11", "1000 prompts in one call: 1000 solved", "files: gaps.png"],
    "rationality.py": ["over HTTP as in this process: 55 of 55 figures", "report.html"],
    "risk_frontier.py": ["out/frontier.png"],
    "sampled_psro.py": ["computed exactly: 0.", "variance    both: +"],
    "sequoia.py": ["any policy", "SEQUOIA less Lagrange: +", "files: learning.png, policies.png"],
    "trust_dilemma.py": ["aversion 0: 10 of 10 runs end in the stag", "aversion 1: 0 of 10 runs"],
}


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_example(example, tmp_path):
    command = [sys.executable, "-W", "error", str(EXAMPLES / example), *ARGUMENTS.get(example, [])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    for word in WORDS[example]:
        assert word in done.stdout
    for picture in tmp_path.rglob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size > 5_000
