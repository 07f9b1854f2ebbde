"""Which cases exist, what they declare, and how the command line names them."""

import itertools

import pytest

from benchmarks.__main__ import choose
from benchmarks._contender import OURS, WORKERS, Case
from benchmarks._peers import UsageError
from benchmarks.cases import discover

CASES = discover()
EVERY_VARIANT = [(name, variant) for name, case in CASES.items() for variant in case.variants]


def test_each_file_in_cases_is_found():
    names = {path.stem for path in (WORKERS.parent / 'cases').glob('[!_]*.py')}
    assert set(CASES) == names
    assert all(isinstance(case, Case) for case in CASES.values())


@pytest.mark.parametrize(('name', 'variant'), EVERY_VARIANT)
def test_contenders_start_with_ours_and_have_names_of_their_own(name, variant):
    contenders = CASES[name].contenders(variant, 1)
    assert contenders[0].peer == OURS
    assert len({c.name for c in contenders}) == len(contenders)


@pytest.mark.parametrize(('name', 'variant'), EVERY_VARIANT)
def test_worker_scripts_exist_and_shadow_no_simulator(name, variant):
    contenders = CASES[name].contenders(variant, 1)
    scripts = [c.arguments[0] for c in contenders if c.arguments[0].endswith('.py')]
    assert scripts and all((WORKERS / script).is_file() for script in scripts)
    assert not {c.module for c in contenders} & {path.stem for path in WORKERS.glob('*.py')}


@pytest.mark.parametrize(('name', 'variant'), [(name, v) for name, v in EVERY_VARIANT if CASES[name].size])
def test_all_contenders_simulate_the_neurons_and_steps_that_the_size_of_a_variant_tells(name, variant):
    size = CASES[name].size(variant)
    for contender in CASES[name].contenders(variant, 1):
        told = dict(itertools.pairwise(contender.arguments))
        assert (int(told['--neurons']), float(told['--duration'])) == (size.neurons, pytest.approx(0.1 * size.steps))


def test_a_case_without_a_colon_stands_for_all_its_variants():
    assert choose(['vogels_abbott'], CASES) == [('vogels_abbott', 'cuba'), ('vogels_abbott', 'coba')]
    assert choose(['vogels_abbott:coba'], CASES) == [('vogels_abbott', 'coba')]


@pytest.mark.parametrize(('text', 'said'), [('nothing', "no case 'nothing'"), ('vogels_abbott:hh', "no variant 'hh'")])
def test_unknown_case_or_variant_is_named(text, said):
    with pytest.raises(UsageError, match=said):
        choose([text], CASES)
