from . import policies as policies, rollouts as rollouts
