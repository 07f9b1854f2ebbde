"""The gallery: what the programs of ``models/`` and ``examples/`` print and draw, run while the site is built."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from .doctext import ARXIV, DOI
from .sources import ROOT, digest

DOCS = Path(__file__).parents[1]
MADE = DOCS / 'gallery' / 'made'
LONGEST = 900  # s, for one program

SHORT = {
    'diehl_cook_2015': ('--epochs 1', 'one epoch'),
    'izhikevich_2007': ('--duration 120000', 'two minutes of the half hour'),
    'masquelier_2008': ('--duration 20000 --passes 1', 'one pass of 20 s'),
    'morrison_2007': ('--scale 0.2', 'a fifth of the neurons, too few: all weights grow'),
    'potjans_diesmann_2014': ('--scale 0.1 --duration 500', 'a tenth of the neurons and of the synapses of each, for half a second'),
    'vogels_2011': ('--neurons 2000 --duration 20000', 'a fifth of the neurons, for 20 s'),
    'wang_2002': ('--coherence 12.8', 'a single trial'),
    'fit_adex_to_a_voltage_trace': ('--steps 60', '60 steps of the optimiser'),
    'long_recording': ('--duration 60', 'a minute of the hour'),
    'train_cue_accumulation': ('--batches 10', '10 batches'),
    'train_spiking_classifier': ('--epochs 10 --samples 2000', '10 epochs with 2,000 points'),
}
"""Options of programs that take long with those of their own, and what these mean."""


class Program(NamedTuple):
    """A program that draws a figure."""

    name: str
    source: str
    is_model: bool

    @property
    def command(self) -> str:
        """How it is run from a checkout."""
        start = f'-m models.{self.name}' if self.is_model else f'examples/{self.name}.py'
        return f'python {start} {SHORT.get(self.name, ("", ""))[0]}'.strip()

    @property
    def about(self) -> str:
        """What it says of itself."""
        return ast.get_docstring(ast.parse(self.source)) or ''

    @property
    def fingerprint(self) -> str:
        """What its result depends on."""
        return digest(ROOT / 'models', text=f'{self.command}{self.source}')


def programs() -> list[Program]:
    """All that are run as a program and can draw."""
    found = []
    for folder in ('models', 'examples'):
        for path in sorted((ROOT / folder).glob('*.py')):
            source = path.read_text()
            if "__name__ == '__main__'" in source and "'--plot'" in source + _options(source):
                found.append(Program(path.stem, source, folder == 'models'))
    return found


def _options(source: str) -> str:
    """The source of the options that a model shares with others."""
    return (ROOT / 'models' / 'report.py').read_text() if re.search(r'report\.(common_)?arguments\(', source) else ''


def write(app: Any) -> None:
    """Run what has changed, and write a page for each program and one for all."""
    MADE.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:  # of two processes, one compiles while the other computes
        made = list(zip(found := programs(), pool.map(result, found), strict=True))
    written = {MADE / f'{program.name}.md': page(program, printed) for program, printed in made}
    written[MADE / 'cards.txt'] = '\n'.join(card(program, printed) for program, printed in made)
    for path, text in written.items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    for path in MADE.glob('*.md'):
        if path not in written:
            path.unlink()


def result(program: Program) -> str:
    """What a program prints; it is run unless its result is kept."""
    kept = MADE / f'{program.name}.json'
    if kept.exists():
        last = json.loads(kept.read_text())
        if last['fingerprint'] == program.fingerprint:
            return last['printed']
    command = [sys.executable, *program.command.split()[1:], '--plot', str(MADE / f'{program.name}.png')]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST, env=os.environ | {'MPLBACKEND': 'Agg'})
    if done.returncode:
        raise RuntimeError(f'{" ".join(command)} has failed:\n{done.stderr}')
    printed = '\n'.join(line for line in done.stdout.splitlines() if str(MADE) not in line)
    kept.write_text(json.dumps({'fingerprint': program.fingerprint, 'printed': printed}))
    return printed


def title(program: Program, printed: str) -> str:
    """The paper of a model, or what an example does."""
    return printed.splitlines()[0] if program.is_model else program.about.splitlines()[0].rstrip('.')


def page(program: Program, printed: str) -> str:
    """The page of a program, in Markdown."""
    lead, _, rest = program.about.partition('\n\n')
    text = DOI.sub(r'[doi:\1](https://doi.org/\1)', rest.replace('``', '`'))
    text = re.sub(r'(?m)::$', ':', text)
    text = ARXIV.sub(r'[arXiv:\1](https://arxiv.org/abs/\1)', text)
    text = re.sub(r'(?m)^((?: {4}.*\n?)+)', lambda block: '```bash\n' + re.sub(r'(?m)^ {4}', '', block[0]).rstrip() + '\n```\n', text)
    note = f'To be short, this is {SHORT[program.name][1]}.' if program.name in SHORT else ''
    folder = 'models' if program.is_model else 'examples'
    return f"""# {title(program, printed)}

{lead if program.is_model else ''}

![{title(program, printed)}]({program.name}.png)

This figure and these numbers were made while the site was built, by `{program.command}`. {note}

```text
{printed}
```

{text}

[{folder}/{program.name}.py](../../../{folder}/{program.name}.py) has the program.
"""


def card(program: Program, printed: str) -> str:
    """A card of the page of all."""
    lead = program.about.split('\n\n')[0].replace('\n', ' ') if program.is_model else ''
    return f""":::{{grid-item-card}} {title(program, printed)}
:link: made/{program.name}
:link-type: doc
:img-top: made/{program.name}.png

{lead}
:::
"""
