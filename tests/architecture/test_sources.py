"""Rules that hold for every source file."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = {str(p.relative_to(ROOT)): p.read_text() for p in (ROOT / 'brainpy_state').rglob('*.py')}
EVERYTHING = {
    str(p.relative_to(ROOT)): p.read_text()
    for folder in ('brainpy_state', 'models', 'examples', 'benchmarks', 'tests')
    for p in (ROOT / folder).rglob('*.py')
}
LONGEST = 700
OTHER_KERNELS = r'^\s*(from|import)\s+(brainstate|brainpy|brainevent|flax|equinox)\b'


def having(pattern, sources):
    return sorted(path for path, text in sources.items() if re.search(pattern, text, re.MULTILINE))


def without_docstrings(text):
    return re.sub(r'"""[\s\S]*?"""', '', text)


def test_there_are_sources():
    assert len(PACKAGE) > 20


def test_only_public_jax_is_used():
    assert having(r'jax\._src', PACKAGE) == []


def test_no_other_kernel_is_imported():
    assert having(OTHER_KERNELS, PACKAGE) == []


def test_event_kernels_know_arrays_only():
    kernels = {path: without_docstrings(text) for path, text in PACKAGE.items() if '/event/' in path}
    assert kernels
    assert having(r'^\s*(from|import)\s+brainunit|^from \.{2,}(state|nn|transform|environ)\b', kernels) == []


def test_no_file_is_too_long():
    assert sorted(path for path, text in EVERYTHING.items() if text.count('\n') > LONGEST) == []


def test_no_file_depends_on_where_it_was_written():
    assert having(r'[\'"](/home/|/root/|/Users/|\.\./)', {p: t for p, t in EVERYTHING.items() if not p.endswith('test_sources.py')}) == []


def test_the_library_does_not_print():
    code = {path: without_docstrings(text) for path, text in PACKAGE.items()}
    assert having(r'^\s*print\(', code) == []


def test_errors_of_users_are_never_asserted():
    assert having(r'^\s*assert ', PACKAGE) == []


def test_the_package_holds_nothing_but_sources():
    found = [p for p in (ROOT / 'brainpy_state').rglob('*') if p.is_file() and '__pycache__' not in p.parts]
    assert [p.name for p in found if p.suffix != '.py'] == ['py.typed']


def test_parameters_are_described_below_their_names():
    assert having(r'^\s+\w+ : .* -- ', PACKAGE) == []
