"""What a case declares: its contenders, and how each is started."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKERS = Path(__file__).resolve().parent / 'workers'
OURS = 'ours'
INSTALL_PEERS = 'pip install -e ".[peers]"'


@dataclass(frozen=True)
class Contender:
    """One program that simulates a case.

    Parameters
    ----------
    name : str
        Name in the table; also accepted by ``--peers``.
    arguments : tuple of str
        What follows the interpreter. ``{json}`` stands for a file that the program writes its
        report to; without it the report is the last line of its standard output. The runner
        appends ``--repeats N``.
    peer : str
        The simulator, which ``--peers`` selects by; ``"ours"`` for this project.
    module : str
        Importable where the simulator is installed.
    repeats_in_process : bool
        Whether one process can run the model again; otherwise each process gives one run time.
    install : str
        The command that installs it.
    own_environment : bool
        Whether it needs an interpreter of its own, since its packages collide with ours.
    """

    name: str
    arguments: tuple[str, ...]
    peer: str
    module: str
    repeats_in_process: bool = True
    install: str = INSTALL_PEERS
    own_environment: bool = False


@dataclass(frozen=True)
class Case:
    """A model that all contenders simulate.

    Parameters
    ----------
    title : str
        One line for the head of the table.
    variants : tuple of str
        Names behind the colon in ``CASE:VARIANT``.
    contenders : callable
        ``contenders(variant, seed)`` lists the contenders; the first of ours is what ratios refer to.
    """

    title: str
    variants: tuple[str, ...]
    contenders: Callable[[str, int], tuple[Contender, ...]]
