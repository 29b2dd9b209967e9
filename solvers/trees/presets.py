"""The family with its usual parameters, as solvers that the registry names."""

from solvers.trees.cfr import CFRSolver
from solvers.trees.variants import CFR, CFRPlus, Discounted, Linear, PredictiveDiscounted, PredictivePlus

cfr = CFRSolver(CFR())
cfr_plus = CFRSolver(CFRPlus())
linear_cfr = CFRSolver(Linear())
dcfr = CFRSolver(Discounted())
pcfr_plus = CFRSolver(PredictivePlus())
pdcfr_plus = CFRSolver(PredictiveDiscounted())
