"""Random numbers, numpy-style, with units, from a generator that is a state."""

from ._state import DEFAULT as DEFAULT
from ._state import RandomState as RandomState
from ._state import clone_rng as clone_rng
from ._state import default_rng as default_rng
from ._state import get_key as get_key
from ._state import seed as seed
from ._state import seed_context as seed_context
from ._state import set_key as set_key
from ._state import split_keys as split_keys
from ._stream import Stream as Stream

# draws from the default generator
split_key = DEFAULT.split_key
random = DEFAULT.random
random_sample = DEFAULT.random_sample
rand = DEFAULT.rand
rand_like = DEFAULT.rand_like
uniform = DEFAULT.uniform
triangular = DEFAULT.triangular
normal = DEFAULT.normal
standard_normal = DEFAULT.standard_normal
randn = DEFAULT.randn
randn_like = DEFAULT.randn_like
truncated_normal = DEFAULT.truncated_normal
lognormal = DEFAULT.lognormal
multivariate_normal = DEFAULT.multivariate_normal
laplace = DEFAULT.laplace
logistic = DEFAULT.logistic
gumbel = DEFAULT.gumbel
exponential = DEFAULT.exponential
standard_exponential = DEFAULT.standard_exponential
rayleigh = DEFAULT.rayleigh
gamma = DEFAULT.gamma
standard_gamma = DEFAULT.standard_gamma
chisquare = DEFAULT.chisquare
f = DEFAULT.f
t = DEFAULT.t
standard_t = DEFAULT.standard_t
standard_cauchy = DEFAULT.standard_cauchy
beta = DEFAULT.beta
power = DEFAULT.power
pareto = DEFAULT.pareto
weibull = DEFAULT.weibull
wald = DEFAULT.wald
vonmises = DEFAULT.vonmises
dirichlet = DEFAULT.dirichlet
randint = DEFAULT.randint
randint_like = DEFAULT.randint_like
bernoulli = DEFAULT.bernoulli
binomial = DEFAULT.binomial
geometric = DEFAULT.geometric
negative_binomial = DEFAULT.negative_binomial
poisson = DEFAULT.poisson
multinomial = DEFAULT.multinomial
categorical = DEFAULT.categorical
choice = DEFAULT.choice
permutation = DEFAULT.permutation
shuffle = DEFAULT.shuffle
