"""The end of a command: interrupts arrive even where Python drops them."""

import signal
import time

import pytest
import typer

from solvers.cli import output


class _Finaliser:
    """Python reports and drops whatever a finaliser raises."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.01)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_python_drops_is_raised_again(monkeypatch, capsys):
    monkeypatch.setattr(output, "_INSIST_SECONDS", 0.05)
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)
    went_on = []

    def lose_an_interrupt_and_go_on():
        doomed = _Finaliser()
        del doomed
        went_on.append(True)
        time.sleep(30)

    with pytest.raises(typer.Exit) as left, output.interruptible(None):
        lose_an_interrupt_and_go_on()
    assert went_on
    assert left.value.exit_code == 130
    assert "interrupted" in capsys.readouterr().err
    assert handlers == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM))
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
