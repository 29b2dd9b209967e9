from . import (
    learning as learning,
    oracles as oracles,
    policies as policies,
    populations as populations,
    rollouts as rollouts,
)
