"""The experiment of `izhikevich_2007` in the published scheme, without this package: V by two steps of forward Euler in each ms, u by one.

    python -m models.izhikevich_2007_reference 1 2 3

prints what it finds for each seed, in two minutes each.
"""

# ruff: noqa: NPY002 - compiled functions know this generator

from __future__ import annotations

import json
import sys

import numba
import numpy as np

N, EXCITATORY, OUT = 1000, 800, 100
STRONGEST, TONIC, REWARD, WINDOW = 4.0, 0.002, 0.5, 20
LONGEST = 3001  # ms until a reward


@numba.njit
def run(seed: int, seconds: int) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
    """Weights of excitatory neurons, of which the first is the chosen one; that in each second; the mean rate in Hz; seconds of rewards."""
    np.random.seed(seed)
    targets = np.empty((N, OUT), np.int64)
    for i in range(N):
        for k in range(OUT):
            targets[i, k] = np.random.randint(0, N if i < EXCITATORY else EXCITATORY)
    into = [[(-1, -1)] for _ in range(N)]
    for i in range(EXCITATORY):
        for k in range(OUT):
            into[targets[i, k]].append((i, k))
    w, c = np.ones((N, OUT)), np.zeros((EXCITATORY, OUT))
    w[EXCITATORY:] = -1.0
    w[0, 0] = 0.0
    source, target = 0, targets[0, 0]
    a, d = np.full(N, 0.02), np.full(N, 8.0)
    a[EXCITATORY:], d[EXCITATORY:] = 0.1, 2.0
    V, rec = np.full(N, -65.0), np.full(N, -13.0)
    now, before = np.zeros(N), np.zeros(N)  # traces of spikes, of this step and of the last
    due = np.zeros(LONGEST, np.int64)
    last, dopamine = -WINDOW, 0.0
    chosen, spikes, rewards = np.zeros(seconds), 0, [0.0]
    for t in range(1000 * seconds):
        I = 13.0 * (np.random.random(N) - 0.5)
        fired = np.nonzero(V >= 30.0)[0]
        for i in fired:
            V[i], rec[i], now[i] = -65.0, rec[i] + d[i], 0.1
        for i in fired:
            for j, k in into[i][1:]:
                c[j, k] += before[j]
        for i in fired:
            for k in range(OUT):
                I[targets[i, k]] += w[i, k]
                if i < EXCITATORY:
                    c[i, k] -= 1.5 * now[targets[i, k]]
        for _ in range(2):
            V += 0.5 * ((0.04 * V + 5.0) * V + 140.0 - rec + I)
        rec += a * (0.2 * V - rec)
        before[:] = now
        now *= 0.95
        dopamine *= 0.995
        if t % 10 == 9:
            w[:EXCITATORY] = np.minimum(np.maximum(w[:EXCITATORY] + (TONIC + dopamine) * c, 0.0), STRONGEST)
            c *= 0.99
        hit = False
        for i in fired:
            if i == source:
                last = t
        for i in fired:
            hit = hit or (i == target and 0 < t - last < WINDOW)
        if hit:
            due[(t + 1001 + np.random.randint(0, 2000)) % LONGEST] += 1
        if due[t % LONGEST]:
            dopamine += REWARD
            due[t % LONGEST] = 0
            rewards.append(0.001 * t)
        spikes += len(fired)
        chosen[t // 1000] = w[0, 0]
    return w[:EXCITATORY].copy().reshape(-1), chosen, spikes / N / seconds, np.array(rewards[1:])


if __name__ == '__main__':
    from .izhikevich_2007 import describe

    for number in map(int, sys.argv[1:]):
        print(json.dumps({'seed': number} | describe(*run(number, 3600))))
