"""The contenders that cases of whole networks have in common."""

from benchmarks._contender import OURS, WORKERS, Contender

BRAINPY_PACKAGES = 'brainpy==2.8.2 brainpy-state==0.1.0 brainstate==0.5.4 numba'
INSTALL_BRAINPY = f'python -m venv ENV && ENV/bin/pip install {BRAINPY_PACKAGES}, then --peer-python brainpy=ENV/bin/python'


def ours(model: str, *network: str) -> tuple[Contender, ...]:
    """This project at two precisions."""
    return own('ours', model, *network), own('ours-64-bit', model, *network, '--precision', '64')


def own(name: str, model: str, *options: str) -> Contender:
    """This project: a file of ``models/`` with its options."""
    return Contender(name, ('-m', f'models.{model}', *options, '--json', '{json}'), OURS, 'brainpy_state', install='pip install -e .')


def brian2(case: str, *network: str, name: str = 'brian2', flags: str | None = None) -> Contender:
    """Brian2 as C++ standalone, with its own compiler flags or others."""
    extra = () if flags is None else (f'--flags={flags}',)
    return Contender(name, _worker(case, 'brian2', *network, *extra), peer='brian2', module='brian2')


def nest(case: str, *network: str) -> tuple[Contender, ...]:
    """NEST with one and two threads."""

    def on(name: str, threads: int) -> Contender:
        arguments = _worker(case, 'nest', *network, '--threads', str(threads))
        return Contender(name, arguments, peer='nest', module='nest', repeats_in_process=False)

    return on('nest', 1), on('nest-2-threads', 2)


def brainpy(case: str, *network: str, name: str = 'brainpy') -> Contender:
    """brainpy, whose packages need an environment of their own."""
    arguments = _worker(case, 'brainpy', *network)
    return Contender(name, arguments, peer='brainpy', module='brainpy', install=INSTALL_BRAINPY, own_environment=True)


def _worker(case: str, simulator: str, *options: str) -> tuple[str, ...]:
    return (str(WORKERS / f'{case}_{simulator}.py'), *options)
