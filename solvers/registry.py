"""Names of solvers, and of the parts of a PSRO, for the command line and specs.

A solver's first tag says what it takes: ``matrix`` (a ``NormalFormGame``) or ``tree`` (a ``SequenceForm``).
Adding a solver is one file and one line here; the listing, ``counterplay solve`` and the conformance sweep
find it by the line.
"""

from games.registry import Registry

SOLVERS = Registry("solver")
ORACLES = Registry("oracle")
SAMPLED_ORACLES = Registry("sampled oracle")
META_SOLVERS = Registry("meta-solver")
EXPANDERS = Registry("expander")
VARIANTS = Registry("variant")
INFLUENCE = Registry("influence method")
BANDIT_POLICIES = Registry("bandit policy")
PREFERENCE_METHODS = Registry("preference method")

# One entry per line.
# fmt: off
SOLVERS.add("zero_sum", "solvers.equilibrium.zero_sum:solve_zero_sum", "Nash equilibrium: pivots for small games, regret matching and pivots for large ones", "matrix", "2-player", "constant-sum")
SOLVERS.add("zero_sum_lp", "solvers.equilibrium.zero_sum:solve_zero_sum_lp", "Nash equilibrium by linear programming, exact", "matrix", "2-player", "constant-sum")
SOLVERS.add("zero_sum_pivoting", "solvers.equilibrium.zero_sum:solve_zero_sum_pivoting", "Nash equilibrium by pivots on a dense tableau, exact", "matrix", "2-player", "constant-sum")
SOLVERS.add("zero_sum_prm", "solvers.equilibrium.zero_sum:solve_zero_sum_prm", "Nash equilibrium by predictive regret matching+ and a polish", "matrix", "2-player", "constant-sum")
SOLVERS.add("risk_averse", "solvers.equilibrium.risk_averse:solve_risk_averse", "Risk-averse equilibrium; gamma 0 is a Nash equilibrium", "matrix", "n-player", "general-sum")
SOLVERS.add("ce", "solvers.equilibrium.correlated:solve_ce", "Correlated equilibrium of greatest welfare", "matrix", "n-player", "general-sum", "correlated")
SOLVERS.add("cce", "solvers.equilibrium.correlated:solve_cce", "Coarse correlated equilibrium of greatest welfare", "matrix", "n-player", "general-sum", "correlated")
SOLVERS.add("projected_replicator", "solvers.equilibrium.projected_replicator:solve_projected_replicator", "Replicator dynamics kept off the boundary; slow, near Nash where play settles", "matrix", "n-player", "general-sum", "dynamics")
SOLVERS.add("regret_matching_plus", "solvers.equilibrium.learning:solve_regret_matching_plus", "Averages of regret matching+; near Nash in two-player constant-sum games", "matrix", "n-player", "general-sum", "dynamics")
SOLVERS.add("fictitious_play", "solvers.equilibrium.learning:solve_fictitious_play", "Averages of discrete fictitious play, players in turn", "matrix", "n-player", "general-sum", "dynamics")
SOLVERS.add("double_oracle", "solvers.psro.double_oracle:solve_double_oracle", "PSRO with exact answers and the Nash meta-solver", "tree", "2-player", "constant-sum")

ORACLES.add("exact", "solvers.psro.oracles:ExactBestResponse", "Pure best response by dynamic programming", "tree", "n-player")
ORACLES.add("risk_averse", "solvers.psro.oracles:RiskAverseBestResponse", "Best plan of mean minus priced variance, exact; mostly mixed", "tree", "n-player", "risk")
ORACLES.add("diverse", "solvers.psro.variants.diversity:DiverseBestResponse", "Pure response that widens the policy hull", "tree", "n-player")

SAMPLED_ORACLES.add("tabular_q", "marl.oracles.tabular_q:TabularQ", "Q-learning with a table", "n-player")
SAMPLED_ORACLES.add("certainty_equivalent", "marl.oracles.certainty_equivalent:CertaintyEquivalent", "Exact response to counted frequencies", "n-player")
SAMPLED_ORACLES.add("mean_variance", "marl.oracles.mean_variance:MeanVarianceResponse", "Response of greatest mean minus gamma times variance, by counts", "n-player", "risk")
SAMPLED_ORACLES.add("dqn", "marl.oracles.presets:deep_q", "Double DQN", "n-player", "deep")
SAMPLED_ORACLES.add("ppo", "marl.oracles.presets:ppo", "Proximal policy optimisation with masks", "n-player", "deep")
SAMPLED_ORACLES.add("mean_variance_ppo", "marl.oracles.presets:mean_variance_ppo", "The same for mean minus gamma times variance of the return", "n-player", "deep", "risk")
SAMPLED_ORACLES.add("sb3", "marl.oracles.stable_baselines:StableBaselines", "MaskablePPO of sb3-contrib (extra sb3)", "n-player", "deep")

META_SOLVERS.add("nash", "solvers.psro.meta_solvers.basic:NashMetaSolver", "Nash equilibrium of the empirical game", "2-player", "constant-sum")
META_SOLVERS.add("risk_averse", "solvers.psro.meta_solvers.basic:RiskAverseMetaSolver", "Risk-averse equilibrium of the empirical game; gamma 0 for Nash", "n-player", "general-sum")
META_SOLVERS.add("uniform", "solvers.psro.meta_solvers.basic:UniformMetaSolver", "Equal weight on every policy", "n-player", "general-sum")
META_SOLVERS.add("last", "solvers.psro.meta_solvers.dynamics:LastPoliciesMetaSolver", "Equal weight on the latest three policies", "n-player", "general-sum")
META_SOLVERS.add("rectified_nash", "solvers.psro.meta_solvers.dynamics:RectifiedNashMetaSolver", "Nash mixtures that lean to opponents one beats", "2-player", "constant-sum")
META_SOLVERS.add("prd", "solvers.psro.meta_solvers.dynamics:ProjectedReplicatorMetaSolver", "Projected replicator dynamics", "n-player", "general-sum")
META_SOLVERS.add("regret_matching_plus", "solvers.psro.meta_solvers.learning:RegretMatchingMetaSolver", "Averages of regret matching+", "n-player", "general-sum")
META_SOLVERS.add("fictitious_play", "solvers.psro.meta_solvers.learning:FictitiousPlayMetaSolver", "Averages of discrete fictitious play", "n-player", "general-sum")
META_SOLVERS.add("alpha_rank", "solvers.psro.meta_solvers.dynamics:AlphaRankMetaSolver", "Marginals of alpha-rank under strong selection", "n-player", "general-sum")
META_SOLVERS.add("qre", "solvers.psro.meta_solvers.dynamics:QuantalResponseMetaSolver", "Logit quantal response equilibrium at precision 10 per unit of payoff", "n-player", "general-sum")
META_SOLVERS.add("max_welfare_ce", "solvers.psro.meta_solvers.correlated:max_welfare_ce", "Marginals of the correlated equilibrium of greatest welfare", "n-player", "general-sum", "correlated")
META_SOLVERS.add("max_welfare_cce", "solvers.psro.meta_solvers.correlated:max_welfare_cce", "Marginals of the coarse correlated equilibrium of greatest welfare", "n-player", "general-sum", "correlated")
META_SOLVERS.add("max_gini_ce", "solvers.psro.meta_solvers.correlated:max_gini_ce", "Marginals of the correlated equilibrium of greatest Gini impurity", "n-player", "general-sum", "correlated")
META_SOLVERS.add("max_gini_cce", "solvers.psro.meta_solvers.correlated:max_gini_cce", "Marginals of the coarse correlated equilibrium of greatest Gini impurity", "n-player", "general-sum", "correlated")

EXPANDERS.add("new", "solvers.psro.expanders:AddNewAnswers", "Add the answers the populations do not hold", "n-player")
EXPANDERS.add("all", "solvers.psro.expanders:AddAllAnswers", "Add every answer; with uniform weights, fictitious play", "n-player")

VARIANTS.add("double_oracle", "solvers.psro.variants.presets:double_oracle", "Exact best responses to Nash mixtures", "2-player", "constant-sum")
VARIANTS.add("fictitious_play", "solvers.psro.variants.presets:fictitious_play", "Best responses to the average of earlier ones", "n-player", "general-sum")
VARIANTS.add("xdo", "solvers.psro.variants.presets:extensive_double_oracle", "Extensive-form double oracle: mixes anew at every information set", "2-player", "constant-sum")
VARIANTS.add("anytime", "solvers.psro.variants.presets:anytime", "Mixtures hardest to exploit in the full game; exploitability never rises", "2-player", "constant-sum")
VARIANTS.add("self_play", "solvers.psro.variants.presets:self_play", "Anytime PSRO that also adds a policy learned in self-play", "2-player", "constant-sum")
VARIANTS.add("pipeline", "solvers.psro.variants.presets:pipeline", "Levels of unfinished responses that learn at once", "2-player", "constant-sum")
VARIANTS.add("diversity", "solvers.psro.variants.presets:diversity", "Best responses that widen the policy hull", "2-player", "constant-sum")
VARIANTS.add("candidates", "solvers.psro.variants.presets:candidate_selection", "Of several answers, the one that leaves the population least exploitable", "2-player", "constant-sum")

INFLUENCE.add("anytime", "solvers.influence.anytime:solve_capacity", "Several selectors on doubling sets until a wanted ratio is certified", "capacity", "certified")
INFLUENCE.add("rr_opim_plus", "solvers.influence.opim:solve_rr_opim_plus", "Greedy in rounds on doubling sets, tight bound of the optimum", "capacity", "certified")
INFLUENCE.add("rr_opim", "solvers.influence.opim:solve_rr_opim", "The same with twice what was chosen as the bound", "capacity", "certified")
INFLUENCE.add("mg_opim", "solvers.influence.opim:solve_mg_opim", "Greedy by gain on doubling sets", "capacity", "certified")
INFLUENCE.add("rr_greedy", "solvers.influence.monte_carlo:solve_rr_greedy", "Greedy in rounds by simulation (CELF); slow", "capacity", "simulation")
INFLUENCE.add("mg_greedy", "solvers.influence.monte_carlo:solve_mg_greedy", "Greedy by gain by simulation (CELF); slow", "capacity", "simulation")
INFLUENCE.add("imm_local", "solvers.influence.local:solve_imm_local", "One run of IMM per adopter", "capacity", "local")
INFLUENCE.add("opim_c_local", "solvers.influence.local:solve_opim_c_local", "One run of OPIM-C per adopter", "capacity", "local")
INFLUENCE.add("degree", "solvers.influence.heuristics:solve_degree", "Every adopter invites its friends of greatest out-degree", "capacity", "local")
INFLUENCE.add("pagerank", "solvers.influence.heuristics:solve_pagerank", "Every adopter invites its friends of greatest PageRank", "capacity", "local")
INFLUENCE.add("opim_c", "solvers.influence.plain:solve_opim_c", "k seeds on doubling sets, certified near 1 - 1/e", "seeds", "certified")
INFLUENCE.add("imm", "solvers.influence.imm:solve_imm", "k seeds on as many sets as theory asks for", "seeds", "certified")
INFLUENCE.add("hist", "solvers.influence.plain:solve_hist", "OPIM-C on sets that end at seeds settled first; for huge sets", "seeds", "certified")

BANDIT_POLICIES.add("null", "solvers.sequoia.baselines.catalogue:null_baseline", "Nothing, or as few bits as are allowed", "any effect")
BANDIT_POLICIES.add("random", "solvers.sequoia.baselines.catalogue:random_baseline", "A random allowed action that leaves nothing undone", "any effect")
BANDIT_POLICIES.add("sampling", "solvers.sequoia.baselines.catalogue:sampling_baseline", "Of 100 random actions the best for the next step", "any effect")
BANDIT_POLICIES.add("myopic", "solvers.sequoia.baselines.catalogue:myopic_baseline", "Best expected reward of the next step, exact", "any effect")
BANDIT_POLICIES.add("iterative_myopic", "solvers.sequoia.baselines.catalogue:iterative_myopic_baseline", "Bits added one by one by the expected reward of the next step", "any effect")
BANDIT_POLICIES.add("whittle", "solvers.sequoia.baselines.catalogue:whittle_baseline", "Greatest sum of finite-horizon Whittle indices", "one bit an arm")
BANDIT_POLICIES.add("whittle_discounted", "solvers.sequoia.baselines.catalogue:discounted_whittle_baseline", "Greatest sum of discounted Whittle indices", "one bit an arm")
BANDIT_POLICIES.add("lagrange", "solvers.sequoia.baselines.catalogue:lagrange_baseline", "Best action under the values of the Lagrangian relaxation, with its bound on any policy", "any effect", "bound")
BANDIT_POLICIES.add("ppo", "solvers.sequoia.baselines.catalogue:ppo_baseline", "Proximal policy optimisation over scores of bits, projected on the allowed actions", "any effect", "learns")
BANDIT_POLICIES.add("exact", "solvers.sequoia.baselines.catalogue:exact_baseline", "Backward induction on all joint states, for few arms", "any effect", "optimal")

PREFERENCE_METHODS.add("inpo", "solvers.inpo.presets:inpo", "Mirror descent on the game with divergence", "last iterate", "divergence")
PREFERENCE_METHODS.add("rspo", "solvers.inpo.presets:rspo", "Mirror descent under any divergence", "last iterate", "divergence")
PREFERENCE_METHODS.add("egpo", "solvers.inpo.presets:egpo", "Extragradient: win rates against the policy one step ahead; the quickest", "last iterate", "divergence")
PREFERENCE_METHODS.add("onpo", "solvers.inpo.presets:onpo", "Optimistic updates, with or without divergence", "last iterate")
PREFERENCE_METHODS.add("nash_md", "solvers.inpo.presets:nash_md", "Mirror descent against a mixture of policy and reference; needs --eta", "divergence")
PREFERENCE_METHODS.add("online_ipo", "solvers.inpo.presets:online_ipo", "Gradient steps on pairs of the policy's own; needs --eta and --rate", "divergence")
PREFERENCE_METHODS.add("sppo", "solvers.inpo.presets:sppo", "Multiplicative weights: the average converges, the last iterate circles; needs --eta", "no divergence")
PREFERENCE_METHODS.add("iterative_dpo", "solvers.inpo.presets:iterative_dpo", "DPO round after round, a baseline that circles; needs --eta, its beta", "no divergence")
PREFERENCE_METHODS.add("mpo", "solvers.inpo.presets:mpo", "INPO whose reference follows every few rounds", "last iterate", "no divergence")
PREFERENCE_METHODS.add("comal", "solvers.inpo.presets:comal", "The proximal point method: one regularised game after another", "last iterate", "no divergence")
PREFERENCE_METHODS.add("mnpo", "solvers.inpo.presets:mnpo", "A weighted history as anchor and opponent; needs --eta", "average", "divergence")
# fmt: on
