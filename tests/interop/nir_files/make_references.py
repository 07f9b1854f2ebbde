"""Networks of snnTorch and Norse as NIR files, and the spikes that these libraries compute from them.

Also the spikes that Norse computes from a file of ours: `written.nir`, which is `to_nir(recurrent_network(), euler=1.0 * u.ms)` of
`test_nir.py`.

Made with snntorch 1.0.0, norse 1.1.0, nirtorch 2.6, nir 1.0.8 and torch 2.13.0, in the folder of this file:

    python make_references.py
"""

import nir
import norse.torch as norse
import numpy as np
import snntorch as snn
import torch
from snntorch.export_nir import export_to_nir

T, BATCH = 60, 2
AS_IN_NIR = {'reset_mechanism': 'zero', 'reset_delay': False, 'init_hidden': True}  # as snnTorch's import builds them


def spread(low, high, *shape):
    return torch.linspace(low, high, int(np.prod(shape))).reshape(shape)


def leaky(low, high, *shape, threshold=1.0):
    return snn.Leaky(beta=spread(low, high, *shape), threshold=torch.full(shape, threshold), **AS_IN_NIR)


def feedforward():
    synaptic = snn.Synaptic(alpha=spread(0.5, 0.7, 4), beta=spread(0.7, 0.9, 4), threshold=spread(0.5, 0.6, 4), **AS_IN_NIR)
    return torch.nn.Sequential(torch.nn.Linear(12, 10), leaky(0.7, 0.95, 10), torch.nn.Linear(10, 4, bias=False), synaptic)


def recurrent():
    layer = snn.RLeaky(beta=spread(0.7, 0.95, 10), threshold=torch.ones(10), linear_features=10, **AS_IN_NIR)
    return torch.nn.Sequential(torch.nn.Linear(12, 10), layer, torch.nn.Linear(10, 4), leaky(0.7, 0.9, 4))


def images():
    return torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 3, padding=1), leaky(0.7, 0.95, 3, 6, 4), torch.nn.AvgPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(18, 4), leaky(0.7, 0.9, 4, threshold=0.2),
    )  # fmt: skip


def of_norse():
    def cells(n, low, high, rest):
        p = norse.LIFBoxParameters(tau_mem_inv=1 / spread(0.004, 0.02, n), v_th=spread(low, high, n), v_leak=spread(0.0, rest, n))
        return norse.LIFBoxCell(p, dt=0.001)

    return norse.SequentialState(torch.nn.Linear(12, 10), cells(10, 0.3, 0.5, 0.1), torch.nn.Linear(10, 4), cells(4, 0.1, 0.2, 0.0))


def graph_for_norse(rng):
    """Recurrent neurons with synaptic currents, which Norse reads."""
    n = 10
    taus = {'tau_syn': np.linspace(0.003, 0.008, n), 'tau_mem': np.linspace(0.006, 0.02, n)}
    rest = {'r': np.linspace(1, 2, n), 'v_leak': np.zeros(n), 'v_threshold': np.linspace(0.2, 0.3, n), 'w_in': np.linspace(1, 1.5, n)}
    nodes = {
        'input': nir.Input(np.array([12])),
        'w_in': nir.Affine(rng.normal(0.3, 0.4, (n, 12)), np.zeros(n)),
        'lif': nir.CubaLIF(**taus, **rest),
        'w_rec': nir.Affine(rng.normal(0, 0.8, (n, n)), np.zeros(n)),
        'output': nir.Output(np.array([n])),
    }
    return nir.NIRGraph(nodes, [('input', 'w_in'), ('w_in', 'lif'), ('lif', 'w_rec'), ('w_rec', 'lif'), ('lif', 'output')])


def spikes(step, x, keeps_state):
    out, state = [], None
    with torch.no_grad():
        for now in torch.tensor(x):
            if keeps_state:
                y = step(now)
            else:
                y, state = step(now, state)
            out.append((y[0] if isinstance(y, tuple) else y).numpy())
    return np.stack(out)


def main():
    torch.manual_seed(0)
    rng, found = np.random.default_rng(0), {}

    def draw(*size):
        return (rng.random((T, BATCH, *size)) < 0.3).astype(np.float32)

    def store(name, graph, x, y):
        assert 0.02 < y.mean() < 0.6, (name, y.mean())
        nir.write(f'{name}.nir', graph, compression=None)
        found.update({f'{name}_x': x.astype(bool), f'{name}_y': y.astype(bool)})

    for name, net, size, gain in (
        ('feedforward', feedforward(), (12,), 3), ('recurrent', recurrent(), (12,), 3), ('images', images(), (2, 6, 4), 5)
    ):  # fmt: skip
        for parameter in net.parameters():
            if parameter.ndim > 1:
                parameter.data *= gain
        x = draw(*size)
        graph = export_to_nir(net, torch.zeros(1, *size), ignore_dims=[0])
        for module in net:
            if hasattr(module, 'reset_mem'):
                module.reset_mem()
        store(name, graph, x, spikes(net, x, keeps_state=True))

    net, x = of_norse(), draw(12)
    for layer in (net[0], net[2]):
        layer.weight.data *= 4
    store('norse', norse.to_nir(net, torch.zeros(12), dt=0.001), x, spikes(net, x, keeps_state=False))

    graph, x = graph_for_norse(rng), draw(12)
    net = norse.from_nir(graph, dt=0.001)
    store('norse_recurrent', graph, x, spikes(net, x, keeps_state=False))

    x, net = draw(12), norse.from_nir(nir.read('written.nir'), dt=0.001)
    found.update({'written_x': x.astype(bool), 'written_y': spikes(net, x, keeps_state=False).astype(bool)})
    np.savez_compressed('spikes.npz', **found)


if __name__ == '__main__':
    main()
