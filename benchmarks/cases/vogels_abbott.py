"""Balanced networks of Vogels and Abbott (2005), as in benchmarks 1 and 2 of Brette et al. (2007).

4,000 neurons, 2 % connectivity, 1 s at steps of 0.1 ms, all spikes recorded. ``cuba`` has synaptic
currents, ``coba`` synaptic conductances. Brian2 and NEST compute in 64 bits, brainpy and this project in
32; this project's figures at 64 bits stand beside them.
"""

from benchmarks._contender import OURS, WORKERS, Case, Contender

BRAINPY_PACKAGES = 'brainpy==2.8.2 brainpy-state==0.1.0 brainstate==0.5.4 numba'
INSTALL_BRAINPY = f'python -m venv ENV && ENV/bin/pip install {BRAINPY_PACKAGES}, then --peer-python brainpy=ENV/bin/python'


def contenders(variant: str, seed: int) -> tuple[Contender, ...]:
    """This project at two precisions, Brian2 with two sets of compiler flags, NEST with one and two threads, brainpy."""
    network = ('--synapses', variant, '--seed', str(seed))

    def worker(name: str, *extra: str) -> tuple[str, ...]:
        return (str(WORKERS / f'vogels_abbott_{name}.py'), *network, *extra)

    def nest(name: str, threads: int) -> Contender:
        arguments = worker('nest', '--threads', str(threads))
        return Contender(name, arguments, peer='nest', module='nest', repeats_in_process=False)

    def ours(name: str, bits: int) -> Contender:
        program = ('-m', 'models.vogels_abbott_2005', *network, '--precision', str(bits))
        return Contender(name, (*program, '--json', '{json}'), OURS, 'brainpy_state', install='pip install -e .')

    return (
        ours('ours', 32),
        ours('ours-64-bit', 64),
        Contender('brian2', worker('brian2'), peer='brian2', module='brian2'),
        Contender(
            'brian2-O3-native',
            worker('brian2', '--flags=-O3 -march=native'),
            peer='brian2',
            module='brian2',
        ),
        nest('nest', 1),
        nest('nest-2-threads', 2),
        Contender(
            'brainpy',
            worker('brainpy'),
            peer='brainpy',
            module='brainpy',
            install=INSTALL_BRAINPY,
            own_environment=True,
        ),
    )


CASE = Case('Vogels-Abbott network, 4,000 neurons, 1 s', ('cuba', 'coba'), contenders)
