from . import policies as policies
from . import rollouts as rollouts
