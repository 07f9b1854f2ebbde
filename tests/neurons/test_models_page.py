"""The page of all models is what the models declare today."""

import importlib.util
import re
from pathlib import Path

import brainunit as u

import brainpy_state as bst

from .models import EXACT, MODELS

DOCS = Path(__file__).parents[2] / 'docs'
PAGE = (DOCS / 'models.md').read_text()


def generator():
    spec = importlib.util.spec_from_file_location('generate_models', DOCS / 'generate_models.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current():
    assert generator().page(PAGE) == PAGE, 'run: python -m docs.generate_models'


def test_every_model_has_its_place():
    headings = set(re.findall(r'\w+', ' '.join(re.findall(r'^### (.*)$', PAGE, re.MULTILINE))))
    assert {case.model.__name__ for case in MODELS.values()} | {'AdEx'} <= headings
    rules = {name for name, x in vars(bst.plasticity).items() if isinstance(x, type) and issubclass(x, bst.plasticity.SynapticRule)}
    assert rules - {'SynapticRule'} <= headings
    assert not {'SynapticRule', 'Neuron', 'ConductanceNeuron', 'Synapse', 'SynOut', 'Gate'} & headings


def test_the_orders_that_the_page_states_are_the_measured_ones():
    rows = {EXACT: r'exact for a constant input: (.*) \|', 2: r'\| 2: (.*) \|'}
    for order, row in rows.items():
        stated = re.findall(r'`(\w+)`', re.search(row, PAGE)[1])
        measured = {case.model.__name__.removesuffix('Ref') for case in MODELS.values() if case.order == order}
        assert set(stated) == measured


def test_a_table_follows_what_is_declared_and_is_not_repeated_where_only_a_default_differs():
    class Quick(bst.IF):
        """`IF` that is quick."""

        tau = bst.nn.Parameter(1.0 * u.ms, doc='membrane time constant')

    class Noisy(bst.IF):
        """Integrate-and-fire neuron of another kind."""

        noise = bst.nn.Parameter(7.0 * u.mV, doc='size of the noise')

    entry = generator().entry
    assert entry(Quick, ['Quick']) == '\n### Quick\n\n`IF` that is quick.\n'
    assert '| `noise` | 7 mV | Size of the noise. |\n' in entry(Noisy, ['Noisy'])
    assert '| `alpha` | 0.98 ' in entry(bst.AMPA, ['AMPA'])  # declares what its base does, but that is not on the page


def test_options_of_all_neurons_are_not_repeated_but_those_of_a_synapse_are_listed():
    assert '`normalize` | `False` or `True` | Whether' in generator().entry(bst.Alpha, ['Alpha'])
    assert 'Option' not in generator().entry(bst.LIF, ['LIF'])
