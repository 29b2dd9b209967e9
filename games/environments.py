"""Names of the games that are played forward rather than written down, for the command line and specs."""

from games.registry import Registry

ENVIRONMENTS = Registry("environment")

_TAGS = ("2-player", "general-sum", "simultaneous")

for _name, _target, _summary in (
    ("trust-dilemma", "games.gridworlds.trust_dilemma:TrustDilemma", "Stag hunt on a grid, 5 x 5, 12 steps"),
    ("merge", "games.driving.merge:MergeGame", "Two cars, a road of 12 cells, a ramp that ends"),
    ("highway-merge", "games.driving.highway:HighwayMerge", "highway-env's merge road (extra driving)"),
    ("rival-planners", "games.bandits.planners:rival_planners", "Restless arms, 2 planners, 1 pull each"),
):
    ENVIRONMENTS.add(_name, _target, _summary, *_TAGS)
