"""The checks for batches catch every kind of broken batch."""

import numpy as np
import pytest

from games.batch.conformance import BatchConformanceError, BatchRule, check_batch_game, check_batch_plays
from games.driving.merge import MergeGame
from games.driving.merge_batch import MergeBatch
from games.errors import IllegalActionError
from games.gridworlds.trust_dilemma import TrustDilemma
from games.gridworlds.trust_dilemma_batch import TrustDilemmaBatch

ROAM = TrustDilemma(stag_roams=True)


class Hunt(TrustDilemmaBatch):
    def __init__(self, lanes, rng):
        super().__init__(ROAM, lanes)


class NoActions(Hunt):
    def num_actions(self, player):
        return 0


class MaskTooWide(Hunt):
    def legal_mask(self, player):
        return np.ones((self.num_lanes, 5), dtype=np.bool_) & self.to_move(player)[:, None]


class MaskAfterTheEnd(Hunt):
    def legal_mask(self, player):
        return super().legal_mask(player) | self.finished()[:, None]


class MaskOfNumbers(Hunt):
    def legal_mask(self, player):
        return super().legal_mask(player).astype(np.int8)


class WideObservation(Hunt):
    def observe(self, player):
        return super().observe(player).astype(np.float64)


class NanObservation(Hunt):
    def observe(self, player):
        return super().observe(player) * np.float32(np.nan)


class NanReturns(Hunt):
    def returns(self):
        return super().returns() * np.nan


class ReturnsByLane(Hunt):
    def returns(self):
        return super().returns().T


class NeverFinished(Hunt):
    def finished(self):
        return np.zeros(self.num_lanes, dtype=np.bool_)


class TooRich(Hunt):
    def returns(self):
        return super().returns() + 5.0


class FinishedLanesGoOn(Hunt):
    def returns(self):
        return super().returns() - 1e-12 * self.ticks

    ticks = 0

    def step(self, actions, rng):
        super().step(actions, rng)
        self.ticks += 1


class ResetsAll(Hunt):
    def reset(self, lanes, rng):
        super().reset(np.ones_like(lanes), rng)


class ResetsNothing(Hunt):
    def reset(self, lanes, rng):
        pass


class TakesAnything(Hunt):
    def step(self, actions, rng):
        try:
            super().step(actions, rng)
        except IllegalActionError:
            return


class MovesBeforeItRefuses(Hunt):
    def step(self, actions, rng):
        mask = self.legal_mask(0)
        first = int(mask[0].argmax())
        if mask[0].any() and self.to_move(1)[0]:
            alone = np.full_like(actions, 0)
            alone[0, 0] = first
            TrustDilemmaBatch.step(self, alone, rng)
        super().step(actions, rng)


class OwnChance(Hunt):
    def step(self, actions, rng):
        super().step(actions, np.random.default_rng())


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (NoActions, BatchRule.SIZES),
        (lambda lanes, rng: Hunt(lanes + 1, rng), BatchRule.SIZES),
        (MaskTooWide, BatchRule.LEGALITY),
        (MaskAfterTheEnd, BatchRule.MASK),
        (MaskOfNumbers, BatchRule.MASK),
        (WideObservation, BatchRule.OBSERVATION),
        (NanObservation, BatchRule.OBSERVATION),
        (NanReturns, BatchRule.RETURNS),
        (ReturnsByLane, BatchRule.RETURNS),
        (TooRich, BatchRule.RETURNS),
        (NeverFinished, BatchRule.FINISHED),
        (FinishedLanesGoOn, BatchRule.FINISHED),
        (ResetsAll, BatchRule.RESET),
        (ResetsNothing, BatchRule.RESET),
        (TakesAnything, BatchRule.LEGALITY),
        (MovesBeforeItRefuses, BatchRule.LEGALITY),
        (OwnChance, BatchRule.SEEDED),
    ],
)
def test_a_broken_batch_is_caught(make, rule):
    with pytest.raises(BatchConformanceError) as caught:
        check_batch_game(make, num_lanes=20, steps=100, rng=np.random.default_rng(0))
    assert caught.value.rule is rule


def outcomes(state, joint):
    return ROAM.start_outcomes() if state is None else ROAM.step_outcomes(state, joint)


class SwappedPlanes(Hunt):
    def observe(self, player):
        return super().observe(player)[:, [0, 1, 3, 2, 4]]


class OffByAnUlp(Hunt):
    def returns(self):
        return super().returns() * (1 + 2**-52)


@pytest.mark.parametrize("make", [SwappedPlanes, OffByAnUlp])
def test_a_batch_of_another_game_is_caught(make):
    check_batch_plays(Hunt, ROAM, outcomes, num_lanes=20, steps=60, rng=np.random.default_rng(0))
    with pytest.raises(BatchConformanceError, match="none of:"):
        check_batch_plays(make, ROAM, outcomes, num_lanes=20, steps=60, rng=np.random.default_rng(0))


def test_other_rules_are_caught():
    """A merge whose drivers are never late, and one of another size, against a merge where they may be."""
    late, game = MergeGame(late=0.3), MergeGame()

    def listed(state, joint):
        return game.start_outcomes() if state is None else game.step_outcomes(state, joint)

    with pytest.raises(BatchConformanceError, match="none of:"):
        check_batch_plays(
            lambda lanes, rng: MergeBatch(late, lanes), game, listed, rng=np.random.default_rng(0)
        )
    with pytest.raises(BatchConformanceError, match="player 0 has"):
        check_batch_plays(Hunt, game, listed, rng=np.random.default_rng(0))
