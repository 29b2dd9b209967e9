"""Additive values for bandits whose set depends on the state or the time."""

from dataclasses import dataclass, field, replace

from games.bandits.action_set import ActionSet
from games.bandits.problem import CoupledBandit
from solvers.sequoia.learning.value_base import BaseRule, LagrangianBase, ValueBase


@dataclass(frozen=True, slots=True, repr=False)
class SupersetBase:
    """The values of the bandit with one larger set, which holds those of all states.

    Values of that relaxation are bounds for the bandit itself; the oracle maximises over the true sets.

    Attributes:
        superset: holds every action that is allowed in any state; the caller's to know.
        rule: makes the values.
    """

    superset: ActionSet
    rule: BaseRule = field(default_factory=LagrangianBase)

    def __repr__(self) -> str:
        """The name: checkpoints are compared by it, and functions of the set lie elsewhere in each run."""
        return self.name

    @property
    def name(self) -> str:
        """See `BaseRule`."""
        return f"superset({self.superset.name}, {self.rule.name})"

    def __call__(self, bandit: CoupledBandit, discount: float) -> ValueBase:
        """See `BaseRule`.

        Raises:
            ValueError: the superset has another number of bits.
        """
        return self.rule(replace(bandit, feasible=self.superset), discount)
