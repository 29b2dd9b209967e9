"""Any registered OpenSpiel game as an `EnvGame`.

A state is the ``pyspiel.State`` itself, past all chance moves, and is never mutated: a step applies the
actions to a clone. Chance moves are drawn from the generator passed in, by inversion over the outcomes
that OpenSpiel lists.

Players see the information-state tensor where the game provides one (it holds all that the player has
seen), else the observation tensor.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyspiel
from numpy.typing import NDArray

from games.adapters.moves import require_movers
from games.adapters.open_spiel_load import load_open_spiel
from games.errors import IllegalActionError, UnsupportedGameError
from games.protocols import BatchGame

if TYPE_CHECKING:
    from games.batch.tree import TreeTables

SpielState: TypeAlias = Any
"""A ``pyspiel.State``, treated as an immutable value."""

_SIMULTANEOUS = int(pyspiel.PlayerId.SIMULTANEOUS)
_LARGEST_SEED = 2**31 - 1  # OpenSpiel reads its seeds as 32-bit integers; negative ones mean "from the clock"


class OpenSpielGame:
    """An OpenSpiel game played forward; see `open_spiel_game`.

    Sampled-stochastic games draw chance from a generator hidden in OpenSpiel's game object. They are
    played with a fresh game object per episode, seeded from the generator passed to `initial`; this is
    faithful as long as chance moves first and never again, which is checked while playing.

    Attributes:
        spiel_game: the wrapped ``pyspiel.Game``.
    """

    def __init__(self, game: "pyspiel.Game") -> None:
        kind = game.get_type()
        if kind.dynamics == pyspiel.GameType.Dynamics.MEAN_FIELD:
            raise UnsupportedGameError(
                f"{game} is a mean-field game: its payoffs depend on the distribution of a population, "
                "which play forward by single players does not have"
            )
        if kind.action_structs_only:
            raise UnsupportedGameError(f"{game} takes structured actions only; integer actions are needed")
        self.spiel_game = game
        self._sampled = kind.chance_mode == pyspiel.GameType.ChanceMode.SAMPLED_STOCHASTIC
        if self._sampled and "rng_seed" not in kind.parameter_specification:
            raise UnsupportedGameError(
                f"{game} samples its chance moves itself and has no parameter rng_seed to reproduce them by"
            )
        self._num_players: int = game.num_players()
        self._num_actions: int = game.num_distinct_actions()
        # One tuple per player, because to_move is asked for at every step.
        self._alone = tuple((player,) for player in range(self._num_players))
        self._tensor = _Tensor(game, observers=not self._sampled)
        self._tables: TreeTables | None = None
        self._too_large_for = -1

    def __reduce__(self) -> tuple[Any, ...]:
        return open_spiel_game, (str(self.spiel_game),)

    @property
    def name(self) -> str:
        """The string by which OpenSpiel loads the game again."""
        return str(self.spiel_game)

    @property
    def num_players(self) -> int:
        """Number of players; chance is not one."""
        return self._num_players

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """Least and greatest return as OpenSpiel states them; infinite where it does not."""
        try:
            return float(self.spiel_game.min_utility()), float(self.spiel_game.max_utility())
        except pyspiel.SpielError:
            return -np.inf, np.inf

    def num_actions(self, player: int) -> int:
        """Number of distinct actions in the whole game, the same for every player."""
        return self._num_actions

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """Shape of the tensor.

        Raises:
            UnsupportedGameError: the game provides no tensor.
        """
        return self._tensor.shape

    def initial(self, rng: np.random.Generator) -> SpielState:
        """A new state after the chance moves that open the game."""
        game = self.spiel_game
        if self._sampled:
            seed = int(rng.integers(_LARGEST_SEED))
            game = pyspiel.load_game(game.get_type().short_name, {**game.get_parameters(), "rng_seed": seed})
        state = game.new_initial_state()
        _play_chance(state, rng)
        return state

    def to_move(self, state: SpielState) -> Sequence[int]:
        """The current player, all players with a legal action at a simultaneous node, or ()."""
        player = state.current_player()
        if player >= 0:
            return self._alone[player]
        if player == _SIMULTANEOUS:
            return tuple(p for p in range(self._num_players) if state.legal_actions(p))
        return ()

    def legal_mask(self, state: SpielState, player: int) -> NDArray[np.bool_]:
        """Legal actions of ``player``, shape (num_actions,)."""
        mask = bytearray(self._num_actions)
        mover = state.current_player()
        if mover in (player, _SIMULTANEOUS):
            legal = state.legal_actions(player)
            try:
                for action in legal:
                    mask[action] = 1
            except IndexError:  # seen in chat_game, whose actions outgrow what the game declares
                raise UnsupportedGameError(
                    f"{self.name} declares {self._num_actions} actions, but lists {max(legal)} as legal"
                ) from None
        return np.frombuffer(mask, dtype=np.bool_)

    def observe(self, state: SpielState, player: int) -> NDArray[np.float32]:
        """The tensor of ``player`` as a fresh array.

        Raises:
            UnsupportedGameError: the game provides no tensor.
        """
        return self._tensor.read(state, player)

    def step(self, state: SpielState, joint: Mapping[int, int], rng: np.random.Generator) -> SpielState:
        """A clone of ``state`` after the actions of ``joint`` and the chance moves that follow.

        Raises:
            IllegalActionError: an action is not legal, or others than the players to move act.
            UnsupportedGameError: chance moves amid a sampled-stochastic game.
        """
        movers = self.to_move(state)
        require_movers(movers, joint)
        for player, action in joint.items():
            legal = state.legal_actions(player)
            if action not in legal:
                raise IllegalActionError(
                    f"action {action!r} of player {player} is not legal, legal are {legal}"
                )
        successor = state.clone()
        _apply(successor, joint, self._num_players)
        if self._sampled and successor.is_chance_node():
            raise UnsupportedGameError(
                f"{self.name} samples chance moves amid the game from a generator of its own, so equal seeds "
                "would not give equal play"
            )
        _play_chance(successor, rng)
        return successor

    def returns(self, state: SpielState) -> NDArray[np.float64]:
        """Payoff so far, shape (num_players,)."""
        return np.array(state.returns(), dtype=np.float64)

    def describe(self, state: SpielState) -> str:
        """OpenSpiel's own text of the state."""
        return str(state)

    def cursor(self) -> "OpenSpielCursor":
        """A play-through that mutates a private state."""
        return OpenSpielCursor(self)

    def batch(
        self, num_lanes: int, *, rng: np.random.Generator, max_histories: int | None = None
    ) -> BatchGame:
        """Many plays side by side, compiled where the game has at most ``max_histories`` histories.

        Connect four and tic-tac-toe have a batch of their own. Other games are stepped one lane after
        another. A game is compiled, or found to be too large, once per object, which takes seconds at the
        limit.

        Args:
            num_lanes: number of plays.
            rng: chance of the first plays.
            max_histories: None takes the limit of `games.adapters.open_spiel_batch`; 0 compiles nothing.

        Raises:
            ValueError: there is not even one lane.
        """
        from games.adapters.open_spiel_batch import DEFAULT_MAX_HISTORIES, open_spiel_tables
        from games.adapters.open_spiel_boards import BoardBatch, board_rules
        from games.batch.looped import LoopedBatch
        from games.batch.tree import TreeBatch

        rules = board_rules(self)
        if rules is not None:
            return BoardBatch(self, rules, num_lanes)
        limit = DEFAULT_MAX_HISTORIES if max_histories is None else max_histories
        if self._tables is None and limit > self._too_large_for:
            try:
                self._tables = open_spiel_tables(self, max_histories=limit)
            except UnsupportedGameError:
                self._too_large_for = limit
        if self._tables is None or self._tables.nodes.actor.size > limit:
            return LoopedBatch(self, num_lanes, rng=rng)
        return TreeBatch(self._tables, num_lanes, rng=rng)


class OpenSpielCursor:
    """Plays one episode on a private ``pyspiel.State``, without clones."""

    def __init__(self, game: OpenSpielGame) -> None:
        kind = game.spiel_game.get_type()
        self.pays_at_end = kind.reward_model == pyspiel.GameType.RewardModel.TERMINAL
        self.to_move: tuple[int, ...] = ()
        self._game = game
        self._read = game._tensor.reader()
        self._amid_chance = not game._sampled

    def reset(self, rng: np.random.Generator) -> None:
        """Start from a new state of the game."""
        self._rng = rng
        self._state = self._game.initial(rng)
        self.to_move = tuple(self._game.to_move(self._state))

    def legal_actions(self, player: int) -> list[int]:
        """Legal actions of a player to move."""
        actions: list[int] = self._state.legal_actions(player)
        return actions

    def observe(self, player: int) -> NDArray[np.float32]:
        """The tensor of ``player`` as a fresh array."""
        return self._read(self._state, player)

    def advance(self, joint: Mapping[int, int]) -> None:
        """Apply the actions in place."""
        state, game = self._state, self._game
        if not self._amid_chance:  # sampled games need the checks of the pure step
            self._state = state = game.step(state, joint, self._rng)
        else:
            _apply(state, joint, game._num_players)
            player = state.current_player()
            if player >= 0:  # by far the most frequent case
                self.to_move = game._alone[player]
                return
            _play_chance(state, self._rng)
        self.to_move = tuple(game.to_move(state))

    def returns(self) -> Sequence[float]:
        """Payoff so far of each player."""
        payoffs: list[float] = self._state.returns()
        return payoffs

    def describe(self) -> str:
        """OpenSpiel's own text of the state."""
        return str(self._state)


class _Tensor:
    """Reads what a player sees, through OpenSpiel's observers where they exist: these fill buffers in C++."""

    def __init__(self, game: "pyspiel.Game", *, observers: bool) -> None:
        kind = game.get_type()
        self._game = game
        self._information = bool(kind.provides_information_state_tensor)
        self._shape: tuple[int, ...] | None = None
        self._refusal = f"{game} provides no information-state tensor and no observation tensor"
        try:
            if self._information:
                self._shape = tuple(game.information_state_tensor_shape())
            elif kind.provides_observation_tensor:
                self._shape = tuple(game.observation_tensor_shape())
        except pyspiel.SpielError as error:  # some games claim a tensor that they do not implement
            self._refusal = f"{game} declares a tensor but gives no shape of it: {error}"
        if not self._shape:  # () is what games in Python give that have nothing to show
            self._shape = None
        usable = observers and self._shape is not None
        self._observer = _native_observer(game, information=self._information) if usable else None

    @property
    def shape(self) -> tuple[int, ...]:
        if self._shape is None:
            raise UnsupportedGameError(self._refusal)
        return self._shape

    def read(self, state: SpielState, player: int) -> NDArray[np.float32]:
        """Fill a buffer of its own, so that threads may share a game."""
        if self._observer is not None:
            view = pyspiel._Observation(self._game, self._observer)
            view.set_from(state, player)
            return np.frombuffer(view, dtype=np.float32).reshape(self.shape)
        values = (
            state.information_state_tensor(player) if self._information else state.observation_tensor(player)
        )
        return np.array(values, dtype=np.float32).reshape(self.shape)

    def reader(self) -> Callable[[SpielState, int], NDArray[np.float32]]:
        """The same as `read` by way of one buffer that is filled again and again; for a single thread."""
        if self._observer is None:
            return self.read
        view = pyspiel._Observation(self._game, self._observer)
        buffer = np.frombuffer(view, dtype=np.float32).reshape(self.shape)

        def read(state: SpielState, player: int) -> NDArray[np.float32]:
            view.set_from(state, player)
            return buffer.copy()

        return read


def _native_observer(game: "pyspiel.Game", *, information: bool) -> Any:  # noqa: ANN401  (untyped library)
    """OpenSpiel's observer that yields the tensor, or None for the Python games that have none."""
    try:
        if not information:
            observer = game.make_observer({})
        else:
            everything_seen = pyspiel.IIGObservationType(
                perfect_recall=True, public_info=True, private_info=pyspiel.PrivateInfoType.SINGLE_PLAYER
            )
            observer = game.make_observer(everything_seen, {})
        pyspiel._Observation(game, observer)  # Python games of the older kind fail only here
    except (pyspiel.SpielError, AttributeError, TypeError, NotImplementedError):
        return None
    return observer


def _apply(state: SpielState, joint: Mapping[int, int], num_players: int) -> None:
    """Apply checked actions; players without a legal action get OpenSpiel's placeholder."""
    if state.is_simultaneous_node():
        state.apply_actions([joint.get(player, pyspiel.INVALID_ACTION) for player in range(num_players)])
    else:
        (action,) = joint.values()
        state.apply_action(action)


def _play_chance(state: SpielState, rng: np.random.Generator) -> None:
    """Draw chance moves in place until a player moves or the game ends."""
    while state.is_chance_node():
        left = rng.random()
        for outcome, probability in state.chance_outcomes():
            # Rounding may leave `left` non-negative to the end; the last possible outcome is then meant.
            if probability > 0.0:
                chosen = outcome
                left -= probability
                if left < 0.0:
                    break
        state.apply_action(chosen)


def open_spiel_game(game: "str | pyspiel.Game") -> OpenSpielGame:
    """Bring an OpenSpiel game to the `EnvGame` protocol.

    Args:
        game: a registered name with parameters in brackets, such as ``"kuhn_poker(players=3)"``, or a
            loaded ``pyspiel.Game``. Games that OpenSpiel ships in Python are known too.

    Raises:
        UnknownNameError: no game has this name; near matches are suggested.
        ValueError: OpenSpiel refuses the parameters; the message names them.
        UnsupportedGameError: the game is a mean-field game, takes structured actions only, or samples
            chance in a way that no seed reproduces.

    Example:
        >>> game = open_spiel_game("tic_tac_toe")
        >>> rng = np.random.default_rng(0)
        >>> game.to_move(game.step(game.initial(rng), {0: 4}, rng))
        (1,)
    """
    return OpenSpielGame(load_open_spiel(game))
