"""Documents print what they show: those of this folder, which are written for other names of the package, and the pages of docs/.

A document is a list of blocks of Python, each followed by what it prints, if it prints anything: its output, the value of a last
expression, and the exception that ends it. Blocks share one namespace. Three dots stand for anything within a line.
"""

import ast
import builtins
import contextlib
import io
import re
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import matplotlib
import matplotlib.pyplot as plt
import pytest

import brainpy_state as bst

HERE = Path(__file__).parent
PAGES = HERE.parents[1] / 'docs'
BLOCK = re.compile(r'^```python\n(?P<code>.*?)^```$(?:\s*^```text\n(?P<printed>.*?)^```$)?', re.MULTILINE | re.DOTALL)
HEADING = re.compile(r'^#+ (.*)$', re.MULTILINE)
OTHER_NAMES = {'brainstate': bst, 'brainpy': SimpleNamespace(state=bst)}


class Block(NamedTuple):
    place: str  # the file and the heading above
    line: int
    code: str
    printed: str


def blocks(path):
    text = path.read_text()
    for found in BLOCK.finditer(text):
        above = text[: found.start()]
        place = f'{path.name}, {HEADING.findall(re.sub(BLOCK, "", above))[-1]}'
        yield Block(place, above.count('\n') + 1, found['code'], found['printed'] or '')


DOCUMENTS = {path.stem: (path, OTHER_NAMES) for path in sorted(HERE.glob('*.md'))}
DOCUMENTS |= {path.stem: (path, {}) for path in sorted(PAGES.glob('*.md')) if list(blocks(path))}


def namespace(other_names):
    """Globals in which ``import`` knows other names; code elsewhere, such as that of a library, does not see them."""

    def find(name, *args, **kwargs):
        return other_names[name] if name in other_names else __import__(name, *args, **kwargs)

    return {'__name__': '__main__', '__builtins__': vars(builtins) | {'__import__': find}}


def run(block, path, names):
    """What a block prints, and the exception that ended it."""
    tree = ast.increment_lineno(ast.parse(block.code), block.line)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed, error = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(tree, path, 'exec'), names)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), path, 'eval'), names)
                if value is not None:
                    printed.write(f'{value!r}\n')
        except Exception as raised:
            printed.write(f'{type(raised).__name__}: {raised}\n')
            error = raised
    return printed.getvalue(), error


def matches(printed, expected):
    return re.fullmatch(re.escape(expected).replace(re.escape('...'), '.*'), printed) is not None


@pytest.fixture(autouse=True)
def an_empty_folder_without_a_screen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matplotlib.use('Agg')
    yield
    plt.close('all')


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore:FigureCanvasAgg is non-interactive')
@pytest.mark.parametrize('document', DOCUMENTS)
def test_a_document_prints_what_it_shows(document):
    path, other_names = DOCUMENTS[document]
    names = namespace(other_names)
    for block in blocks(path):
        printed, error = run(block, str(path), names)
        if not matches(printed, block.printed):
            raise AssertionError(f'{block.place} (line {block.line}) shows\n{block.printed}\nbut prints\n{printed}') from error


def test_every_block_of_a_document_is_found():
    assert {'kernel', 'state_management', 'state_model', 'state_paradigm', 'quick_start', 'thinking'} <= set(DOCUMENTS)
    for path, _ in DOCUMENTS.values():
        found = list(blocks(path))
        fences = path.read_text().count('\n```') / 2
        assert len(found) + sum(bool(block.printed) for block in found) == fences, path.name


@pytest.mark.parametrize(
    ('code', 'printed'),
    [
        ('1 + 1', '2\n'),
        ('x = 1', ''),
        ('print(1)\nNone', '1\n'),
        ('print(1)\n[][0]', '1\nIndexError: list index out of range\n'),
        ('import brainstate, brainpy\nbrainstate is brainpy.state', 'True\n'),
    ],
)
def test_the_runner_prints_what_an_interpreter_shows(code, printed):
    assert run(Block('here', 1, code, ''), 'here', namespace(OTHER_NAMES))[0] == printed


@pytest.mark.parametrize('expected', ['a 1.5 b\nc\n', 'a ... b\nc\n', '...\nc\n'])
def test_an_expected_output_matches(expected):
    assert matches('a 1.5 b\nc\n', expected)


@pytest.mark.parametrize('expected', ['a 1.50 b\nc\n', 'a ...\n', 'a 1x5 b\nc\n', '', 'a 1.5 b\nc'])
def test_an_expected_output_does_not_match(expected):
    assert not matches('a 1.5 b\nc\n', expected)
