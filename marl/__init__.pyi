from . import (
    language as language,
    learning as learning,
    oracles as oracles,
    policies as policies,
    populations as populations,
    rollouts as rollouts,
)
