"""Random numbers, numpy-style, with a generator that is a state."""

from ._state import DEFAULT as DEFAULT
from ._state import RandomState as RandomState
from ._state import bernoulli as bernoulli
from ._state import normal as normal
from ._state import permutation as permutation
from ._state import rand as rand
from ._state import randint as randint
from ._state import randn as randn
from ._state import random as random
from ._state import seed as seed
from ._state import split_key as split_key
from ._state import uniform as uniform
