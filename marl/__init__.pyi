from . import oracles as oracles, policies as policies, rollouts as rollouts
