"""Units are text that gives them back exactly."""

import json

import brainunit as u
import pytest

from brainpy_state.files import unit_as_json, unit_of_json

NAMED = {name: x for name in dir(u) if isinstance(x := getattr(u, name), u.Unit)}
MADE = {
    'product': u.mS / u.cm**2 * u.mV,
    'root': u.nA * u.ms**0.5,
    'third': u.mV ** (1 / 3),
    'power': u.um**-7,
    'scaled': u.Unit(u.volt.dim, scale=-3.7),
    'factor': u.Unit(u.volt.dim, factor=0.1 + 0.2, name='odd', dispname='ö"d'),
    'percent': u.Unit(scale=-2),
    'none': u.UNITLESS,
}


def read_back(unit):
    return unit_of_json(json.loads(json.dumps(unit_as_json(unit))))


def test_there_are_many_units():
    assert len(NAMED) > 1000


def test_every_named_unit_comes_back_equal_and_under_its_name():
    other = [name for name, unit in NAMED.items() if (back := read_back(unit)) != unit or (str(back), back.name) != (str(unit), unit.name)]
    assert other == []


@pytest.mark.parametrize('unit', MADE.values(), ids=MADE)
def test_a_unit_that_is_made_comes_back_equal(unit):
    back = read_back(unit)
    assert back == unit and hash(back) == hash(unit) and str(back) == str(unit)


def test_the_text_is_to_be_read_by_people():
    assert (unit_as_json(u.nS / u.cm**2)['text'], unit_as_json(u.UNITLESS)['text']) == ('nS / cm^2', '')
