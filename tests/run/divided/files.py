"""What a process finds of networks that are saved and go on with other numbers of devices."""

import os

import brainunit as u
import jax
import numpy as np

import brainpy_state as bst
from tests.connected import mesh_and_arguments, tell
from tests.run.divided.networks import NETWORKS, cells

SECTIONS = 15.0 * u.ms, 5.0 * u.ms, 15.0 * u.ms


def built(name, parts):
    """A simulation on so many devices; on one without a mesh for 0."""
    mesh = {'mesh': jax.sharding.Mesh(np.array(jax.devices()[:parts]), ('i',))} if parts else {}
    with bst.environ.context(dt=0.1 * u.ms, **mesh):
        network = NETWORKS[name]()
        return bst.Simulation(network, record=network.record(), seed=1)


def goes_on(name, folder):
    """Whether records are the same if it is done at once, and on 0, 3, and 8 or no devices in turn; and how many spikes there are."""
    whole = built(name, 0)
    for k, section in enumerate(SECTIONS):
        whole.run(section)
        if k == 0:
            whole.save(f'{folder}/first.npz')
    same = []
    for end in (8, 0):
        part, last = built(name, 3), built(name, end)
        part.load(f'{folder}/first.npz')
        part.run(SECTIONS[1])
        part.save(f'{folder}/second.npz')
        last.load(f'{folder}/second.npz')
        last.run(SECTIONS[2])
        pairs = [(getattr(x['spikes'], key) for x in (whole, last)) for key in ('step', 'i')]
        pairs.append(x['V'].values.mantissa for x in (whole, last))
        pairs.append(np.asarray(u.get_mantissa(x.step.ee.comm.weights)) for x in (whole, last))
        same.append([bool(np.array_equal(*pair)) for pair in pairs])
    return same, len(whole['spikes'])


def listed():
    """Whether connections tell the same as on one device."""
    same = []
    for name in ('delayed', 'pair', 'other ways'):
        one, many = (built(name, parts).step for parts in (0, 3))
        for path, node in one.nodes().items():
            if isinstance(node, bst.Connection):
                other = many.nodes()[path]
                for key in ('sources', 'targets', 'weights', 'indegree', 'outdegree', 'n_synapses'):
                    same.append(np.array_equal(*(np.asarray(u.get_mantissa(getattr(x, key))) for x in (node, other))))
                same.append(np.array_equal(node.toarray().mantissa, other.toarray().mantissa))
    return [bool(x) for x in same]


def disagree(number, mesh, what):
    """The error where the second process differs, from the beginning or later."""
    seed = 5 if what == 'seed' and number == 1 else 4
    current = (0.13 if what == 'current' and number == 1 else 0.12) * u.nA
    with bst.environ.context(dt=0.1 * u.ms, mesh=mesh):
        try:
            neurons = cells(30)
            comm = bst.pairwise_bernoulli(30, 30, 0.3, weight=1.0 * u.mV, seed=seed)
            projection = bst.DeltaProj(comm=comm, post=neurons)

            def step():
                projection(neurons.get_spike())
                neurons(current)

            simulation = bst.Simulation(step)
            simulation.run(1.0 * u.ms)
            if what == 'later' and number == 1:
                current = 0.13 * u.nA
            simulation.run(1.0 * u.ms)
        except bst.ParameterError as error:
            return str(error)


def policies(mesh):
    """By which policies threads wait for a processor, before and after a mesh is used."""

    def of_all():
        return sorted({os.sched_getscheduler(int(thread)) for thread in os.listdir('/proc/self/task')})

    before = of_all()
    bst.sweep(lambda x: 2.0 * x, {'x': np.arange(4.0)}, mesh=mesh)
    return before, of_all()


if __name__ == '__main__':
    mesh, (task, *arguments) = mesh_and_arguments()
    if task == 'goes on':
        tell(goes_on(*arguments))
    elif task == 'listed':
        tell(listed())
    elif task == 'policies':
        tell(policies(mesh))
    else:
        tell(disagree(jax.process_index(), mesh, task))
