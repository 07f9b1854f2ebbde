"""Every public name is documented, and every example in a docstring runs."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import brainpy_state as bst

MODULES = [bst, *(importlib.import_module(m.name) for m in pkgutil.walk_packages(bst.__path__, 'brainpy_state.'))]
PUBLIC = [m for m in MODULES if m.__name__.count('.') <= 1 and '._' not in m.__name__]


def exported(module):
    """Names of a public module that it defines, or that a package offers."""
    home = 'brainpy_state' if hasattr(module, '__path__') else module.__name__
    for name in getattr(module, '__all__', [n for n in vars(module) if not n.startswith('_')]):
        value = getattr(module, name)
        if (getattr(value, '__module__', None) or '').startswith(home):
            yield f'{module.__name__}.{name}', value


NAMES = {name: value for module in PUBLIC for name, value in exported(module) if callable(value)}
EXAMPLES = {test.name: test for m in MODULES for test in doctest.DocTestFinder(exclude_empty=True).find(m) if test.examples}


def test_every_module_says_what_it_is():
    assert [m.__name__ for m in MODULES if not (m.__doc__ or '').strip()] == []


def test_every_public_name_has_a_docstring():
    assert [name for name, value in NAMES.items() if not (value.__doc__ or '').strip()] == []


def test_every_public_method_has_a_docstring_of_its_own_or_inherited():
    silent = []
    for name, cls in NAMES.items():
        if inspect.isclass(cls) and not issubclass(cls, (Exception, tuple)):
            equations = {f'd{variable}' for variable in getattr(cls, 'variables', ())}  # the class shows them
            members = [k for k, v in vars(cls).items() if not k.startswith('_') and inspect.isfunction(v) and k not in equations]
            silent += [f'{name}.{k}' for k in members if not inspect.getdoc(getattr(cls, k))]
    assert silent == []


@pytest.mark.slow
@pytest.mark.parametrize('name', EXAMPLES)
def test_every_example_gives_what_it_shows(name):
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    shown = []
    result = doctest.DocTestRunner(optionflags=options).run(EXAMPLES[name], out=shown.append, clear_globs=False)
    assert result.attempted > 0
    assert result.failed == 0, ''.join(shown)


def test_the_main_classes_have_examples():
    documented = ' '.join(EXAMPLES)
    for name in ('State', 'jit', 'for_loop', 'grad', 'context', 'Module', 'LIF', 'Expon', 'AlignPostProj', 'Connection', 'run'):
        assert f'.{name}' in documented
