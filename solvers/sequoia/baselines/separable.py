"""The allowed action of greatest separable score, for many scores at once.

A score is a sum over scopes (groups of bits) of a table over the patterns of the scope:

    score(a) = sum_f table_f[pattern of a on the bits of f].

With one bit a scope it is linear. Sets that only count bits are treated by dynamic programming over the
scopes, sets of up to 12 bits by trying all actions, and sets with few profiles (`solvers.sequoia.profiles`)
by trying those, all rows of a batch at once; other sets by mixed-integer programs on threads.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet
from games.bandits.factors import pattern_bits
from games.bandits.joint import allowed_actions
from games.bandits.return_bound import pattern_rows
from games.errors import SolveError
from solvers.sequoia.baselines.separable_kernels import Places, best_profiles, places_of
from solvers.sequoia.counting import counting
from solvers.sequoia.highs_solver import HighsSolver
from solvers.sequoia.profiles import Profiles, profiles
from solvers.sequoia.program import Program
from solvers.sequoia.program_solver import ProgramRequest

_FEASIBILITY = 1e-9
_ENUMERATED_BITS = 12
_TESTS = 4_000  # of membership; each takes up to a millisecond, and a program up to a second
_ALL_TESTED = 25_000  # where there are no more actions than that within the number of bits
_AT_ONCE = 2_000_000  # scores held


class SeparableMaximiser:
    """Maximises separable scores over one action set; callable from several threads.

    Args:
        action_set: the allowed actions.
        scopes: bits of each table; bits in no scope do not count.
        workers: threads for the programs of a batch; answers do not depend on it.
        tests: membership tests that may be spent on finding the profiles of the set, and more where they are
            certain to be enough; 0 pays where a set is used only a few times.

    Raises:
        ValueError: there is no scope, one names a bit that does not exist, ``workers`` is below 1, ``tests``
            is negative, or the set is empty.
    """

    def __init__(
        self,
        action_set: ActionSet,
        scopes: Sequence[tuple[int, ...]],
        *,
        workers: int = 1,
        tests: int = _TESTS,
    ) -> None:
        if workers < 1 or tests < 0:
            raise ValueError(f"workers must be at least 1 and tests at least 0, got {workers} and {tests}")
        named = [bit for bits in scopes for bit in bits]
        if not scopes or any(not 0 <= bit < action_set.size for bit in named):
            raise ValueError(f"scopes must name bits in 0..{action_set.size - 1}, got {[*scopes]}")
        self._set = action_set
        self._scopes = [tuple(bits) for bits in scopes]
        self._patterns = [pattern_bits(len(bits)) for bits in scopes]
        self._workers = workers
        self._count = counting(action_set)
        free = bool((self._count.fixed < 0).all())
        self._by_counting = self._count.complete and free and len(set(named)) == len(named)
        self._actions: NDArray[np.bool_] | None = None
        self._profiles: Profiles | None = None
        self._places: Places | None = None
        self._template: Program | None = None
        linear = all(len(bits) < 2 for bits in scopes)
        if self._by_counting:
            return
        if action_set.size <= _ENUMERATED_BITS:
            self._actions = allowed_actions(action_set)
            return
        if tests and action_set.within_most <= _ALL_TESTED:
            tests = max(tests, action_set.within_most)
        # Bits of one kind may be exchanged only where their scores are their own.
        found = profiles(action_set if linear else replace(action_set, kinds=None), tests) if tests else None
        if found is None:
            self._template = _template(action_set, self._scopes)
        elif linear:
            self._profiles, self._places = found, places_of(found)
        else:
            self._actions = found.counts[found.allowed] > 0

    @property
    def needs_programs(self) -> bool:
        """Whether each score takes a mixed-integer program, so milliseconds rather than microseconds."""
        return self._template is not None

    def best(self, tables: Sequence[NDArray[np.float64]]) -> NDArray[np.bool_]:
        """The best actions; equal rows are solved once.

        Args:
            tables: one for each scope, at least one, of shape (batch, patterns).

        Returns:
            Shape (batch, N).

        Raises:
            SolveError: the set is empty, or contradicts its own membership test.
            ValueError: a table has another shape.
        """
        for place, (table, patterns) in enumerate(zip(tables, self._patterns, strict=True)):
            wanted = (len(tables[0]), len(patterns))
            if table.shape != wanted:
                raise ValueError(f"tables[{place}] must have shape {wanted}, got {table.shape}")
        if self._by_counting:
            return self._counted(tables)
        if self._profiles is not None and self._places is not None:
            return self._best_profiles(self._profiles, self._places, tables)
        if self._actions is not None:
            return self._tried(self._actions, tables)
        keys = [b"".join(table[row].tobytes() for table in tables) for row in range(len(tables[0]))]
        first: dict[bytes, int] = {}
        for row, key in enumerate(keys):
            first.setdefault(key, row)

        def job(row: int) -> NDArray[np.bool_]:
            return self._solved([table[row] for table in tables])

        if self._workers == 1 or len(first) < 2:
            found = [job(row) for row in first.values()]
        else:
            with ThreadPoolExecutor(min(self._workers, len(first))) as pool:
                found = list(pool.map(job, first.values()))
        answers = dict(zip(first, found, strict=True))
        return np.array([answers[key] for key in keys], dtype=np.bool_).reshape(len(keys), self._set.size)

    def _tried(self, actions: NDArray[np.bool_], tables: Sequence[NDArray[np.float64]]) -> NDArray[np.bool_]:
        """All allowed actions, of shape (A, N), tried."""
        patterns = [actions[:, list(bits)] @ 2 ** np.arange(len(bits))[::-1] for bits in self._scopes]
        batch, step = len(tables[0]), max(1, _AT_ONCE // len(actions))
        best = np.empty(batch, dtype=np.int64)
        for row in range(0, batch, step):
            own = slice(row, row + step)
            scores = np.zeros((len(best[own]), len(actions)))
            for played, table in zip(patterns, tables, strict=True):
                scores += table[own][:, played]
            best[own] = scores.argmax(axis=1)
        return np.asarray(actions[best])

    def _best_profiles(
        self, found: Profiles, places: Places, tables: Sequence[NDArray[np.float64]]
    ) -> NDArray[np.bool_]:
        """Of each profile the best action has the greatest weights of every kind."""
        batch = len(tables[0])
        weights = np.zeros((batch, self._set.size))
        for bits, table in zip(self._scopes, tables, strict=True):
            if bits:
                weights[:, bits[0]] += table[:, 1] - table[:, 0]
        # Bits by kind, those of greatest weight first: a profile takes the first few of each kind.
        order = np.lexsort((-weights, np.broadcast_to(found.kind, weights.shape)), axis=1)
        weights = np.take_along_axis(weights, order, axis=1)
        best = best_profiles(weights, places, found.allowed)
        taken = places.ranks < found.counts[best][:, places.kind]
        actions = np.zeros((batch, self._set.size), dtype=np.bool_)
        np.put_along_axis(actions, order, taken, axis=1)
        return actions

    def _counted(self, tables: Sequence[NDArray[np.float64]]) -> NDArray[np.bool_]:
        """Dynamic programming over scopes and numbers of bits set so far."""
        batch, most = len(tables[0]), self._count.most
        named = {bit for bits in self._scopes for bit in bits}
        spare = [(bit,) for bit in range(self._set.size) if bit not in named]
        scopes = [*self._scopes, *spare]
        nothing = np.zeros((batch, 2))
        best = np.full((batch, most + 1), -np.inf)
        best[:, 0] = 0.0
        choices: list[NDArray[np.int64]] = []
        for table in (*tables, *[nothing] * len(spare)):
            patterns = pattern_bits(int(np.log2(table.shape[1])))
            sizes = patterns.sum(axis=1)
            after = np.full((batch, most + 1), -np.inf)
            choice = np.zeros((batch, most + 1), dtype=np.int64)
            for size in range(min(most, patterns.shape[1]) + 1):
                fitting = np.flatnonzero(sizes == size)
                pick = fitting[table[:, fitting].argmax(axis=1)]
                reached = best[:, : most + 1 - size] + table[np.arange(batch), pick][:, None]
                better = reached > after[:, size:]
                after[:, size:][better] = reached[better]
                choice[:, size:][better] = np.broadcast_to(pick[:, None], reached.shape)[better]
            best = after
            choices.append(choice)
        left = np.full(batch, most) if self._count.exactly else best.argmax(axis=1)
        actions = np.zeros((batch, self._set.size), dtype=np.bool_)
        for bits, choice in zip(scopes[::-1], choices[::-1], strict=True):
            picked = pattern_bits(len(bits))[choice[np.arange(batch), left]]
            actions[:, list(bits)] = picked
            left = left - picked.sum(axis=1)
        return actions

    def _solved(self, tables: Sequence[NDArray[np.float64]]) -> NDArray[np.bool_]:
        """One mixed-integer program."""
        template = self._template
        assert template is not None
        costs = np.zeros(template.costs.size)
        first = self._set.variables
        for bits, table in zip(self._scopes, tables, strict=True):
            if len(bits) > 1:
                costs[first : first + table.size] = table - table[0]
                first += table.size
            elif bits:
                costs[bits[0]] += table[1] - table[0]
        scale = float(np.abs(costs).max()) or 1.0
        program = Program(
            costs=costs / scale, scale=scale, offset=0.0, lower=template.lower, upper=template.upper,
            integral=template.integral, starts=template.starts, indices=template.indices,
            values=template.values, row_lower=template.row_lower, row_upper=template.row_upper,
            slack=template.slack,
        )  # fmt: skip
        answer = HighsSolver().maximise(program, ProgramRequest(-np.inf, 0.0, np.inf, _FEASIBILITY))
        if answer.point is None:
            raise SolveError(f"{self._set.name} allows no action at all")
        found = answer.point[: self._set.size] > 0.5
        if not bool(self._set.contains(found)):
            raise SolveError(
                f"the rows of {self._set.name} allow action {np.flatnonzero(found).tolist()}, which its "
                "membership test refuses"
            )
        return np.asarray(found)


def _template(action_set: ActionSet, scopes: Sequence[tuple[int, ...]]) -> Program:
    """The program without its costs: rows of the set, and of the patterns of scopes with several bits."""
    rows, low, high = pattern_rows(action_set, scopes)
    extra = rows.shape[1] - action_set.variables
    return Program(
        costs=np.zeros(rows.shape[1]),
        scale=1.0,
        offset=0.0,
        lower=np.append(action_set.lower, np.zeros(extra)),
        upper=np.append(action_set.upper, np.ones(extra)),
        integral=np.append(action_set.integral, np.zeros(extra)).astype(np.int32),
        starts=rows.indptr.astype(np.int32),
        indices=rows.indices.astype(np.int32),
        values=rows.data.astype(np.float64),
        row_lower=low,
        row_upper=high,
        slack=0.0,
    )
