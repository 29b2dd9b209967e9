"""What a key is: the worth of every move of one seat against an opponent whose policy is known."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class ActionKey(Protocol):
    """Values of one seat's moves in one game against one policy of the others, to rounding.

    The value of a move is what the seat expects, knowing what it knows, when it makes the move and plays best
    afterwards. What a play loses against the ideal is then, in expectation, the sum of what its moves
    fall short of the best by.
    """

    def values(self, state: Any) -> NDArray[np.float64]:  # noqa: ANN401  (states belong to the game)
        """Value of each legal action of the seat, which is to move, in the order of the game's numbers.

        Raises:
            ValueError: against this opponent nothing that the seat does leads here, so no value follows.
        """

    def random(self, state: Any) -> float:  # noqa: ANN401
        """What the seat, which is to move, expects when it moves at random from here on.

        Raises:
            ValueError: as `values` does.
        """

    def opponent(self, state: Any, player: int) -> NDArray[np.float64]:  # noqa: ANN401
        """Probability with which another player, who is to move, takes each legal action."""
