"""What a case declares: its contenders, and how each is started."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
WORKERS = Path(__file__).resolve().parent / 'workers'
OURS = 'ours'
FLOOR = 'floor'
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
    command : str, optional
        A program that it needs besides, such as a compiler.
    """

    name: str
    arguments: tuple[str, ...]
    peer: str
    module: str
    repeats_in_process: bool = True
    install: str = INSTALL_PEERS
    own_environment: bool = False
    command: str | None = None


class Size(NamedTuple):
    """What a variant of a case simulates, where variants differ in size.

    ``group`` names the variants that differ in nothing else.
    """

    group: str
    neurons: int
    steps: int


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
    size : callable, optional
        ``size(variant)`` is the `Size` of a variant, of a case that is about the cost of a step at different sizes.
    """

    title: str
    variants: tuple[str, ...]
    contenders: Callable[[str, int], tuple[Contender, ...]]
    size: Callable[[str], Size] | None = None
