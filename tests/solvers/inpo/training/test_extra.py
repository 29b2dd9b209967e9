"""The trainer is an extra: nothing of it is loaded before it is used, and without it the message helps."""

import subprocess
import sys


def _python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_folder_is_light_and_says_what_is_missing():
    code = """
import sys
sys.modules["transformers"] = None  # as if it were not installed
import solvers.inpo.training as training
print([name for name in ("torch", "peft", "datasets") if name in sys.modules])
print(training.Method("mine").name)
try:
    training.INPOConfig
except ImportError as error:
    print(type(error).__name__, error)
"""
    light, named, message = _python(code).splitlines()
    assert light == "[]"
    assert named == "mine"
    assert message == (
        "MissingDependencyError solvers.inpo.training.INPOConfig needs transformers: "
        "pip install counterplay[lm]"
    )
