"""The reference of the site has all that is public, and each model has its source, an example and a picture."""

import importlib
import inspect
import pkgutil
import re

import pytest

import brainpy_state as bst
from docs._site import gallery, links, pictures, reference
from docs._site.doctext import fields, markdown, sections
from docs._site.rooms import INNER, ROOMS, Name, groups, names, offered

SHOWN = {name.full: name for room in ROOMS for name in names(room)}
MODELS = {name.short: (room.slug, name.value) for room in ROOMS if room.is_family for name in names(room) if name.is_model}


def written(room):
    """What stands on the pages of a room, where Sphinx will put what it knows of names."""
    if not room.is_family:
        return reference.room_page(room, names(room))
    members = names(room)
    models = [name for name in members if name.is_model]
    known = reference.known()
    return ''.join([reference.family_page(room, members, models), *(reference.page(name, known, '') for name in models)])


def test_every_public_room_has_a_page():
    public = {m.name.partition('.')[2] for m in pkgutil.iter_modules(bst.__path__, 'brainpy_state.') if '._' not in m.name}
    assert public == {part.partition('.')[0] for room in ROOMS for part in room.modules if part} | INNER


def test_every_name_that_users_import_is_in_a_room():
    listed = {id(name.value) for name in SHOWN.values()}
    missing = [key for key, value, _ in offered('') if id(value) not in listed]
    missing += [f'nn.{key}' for key, value, _ in offered('nn') if id(value) not in listed]
    assert missing == []


@pytest.mark.parametrize('room', ROOMS, ids=[room.slug for room in ROOMS])
def test_the_pages_of_a_room_name_all_that_it_offers(room):
    text = written(room)
    missing = [name.full for name in names(room) if not re.search(rf'::?}}? ({re.escape(name.full)}|{name.short})\b', text)]
    assert names(room)
    assert missing == []


def test_every_name_that_is_called_has_an_example():
    called = {full: name.value for full, name in SHOWN.items() if callable(name.value)}
    errors = {full for full, x in called.items() if inspect.isclass(x) and issubclass(x, Exception)}
    assert len(called) - len(errors) > 400
    assert [full for full, x in called.items() if full not in errors and '>>>' not in (x.__doc__ or '')] == []


def test_every_model_names_its_source():
    """Inputs are definitions, which have none; a model with another default has that of its base."""
    silent = [
        name
        for name, (room, cls) in MODELS.items()
        if room != 'inputs' and not any('Source: ' in (base.__doc__ or '') for base in cls.__mro__[: 2 if name.endswith('Ref') else 1])
    ]
    assert silent == []


def test_every_source_can_be_found():
    for name, (_, cls) in MODELS.items():
        for source in re.findall(r'Source: (.*?)(?:\n\n|\Z)', cls.__doc__ or '', re.DOTALL):
            assert re.search(r'doi:10\.\d{4,}|arXiv:\d| Press,', source), name  # a book may have none of its own


def test_every_model_has_a_picture_with_a_caption():
    for name, (room, cls) in MODELS.items():
        assert len(pictures.ROOMS[room].caption(cls)) > 5, name


def test_a_page_has_what_a_model_declares():
    text = reference.page(SHOWN['brainpy_state.LIF'], reference.known(), 'PICTURE')
    assert '{py:class} brainpy_state.LIF(in_size, *, name=None, spk_fun=heaviside' in text
    assert 'tau=5 * u.ms' in text
    assert r'\tau \frac{dV}{dt} = -(V - V_\mathrm{rest}) + R\,I' in text
    assert '| `tau` | 5 ms | Membrane time constant; positive. |' in text
    assert '[doi:10.1017/CBO9781107447615](https://doi.org/10.1017/CBO9781107447615)' in text
    assert 'UnitError: LIF' in text  # what a wrong unit says
    assert text.index('PICTURE') < text.index('## Parameters') < text.index('## Errors') < text.index('## Example')


def test_names_are_grouped_by_what_their_modules_say():
    found = groups([SHOWN['brainpy_state.LIF'], SHOWN['brainpy_state.HH'], SHOWN['brainpy_state.IF']])
    assert {heading: [name.short for name in group] for heading, group in found.items()} == {
        'Leaky integrate-and-fire neurons': ['LIF', 'IF'],
        'Hodgkin-Huxley models': ['HH'],
    }


def test_a_name_is_a_model_only_under_its_own_name():
    assert SHOWN['brainpy_state.AdExIF'].is_model
    assert not SHOWN['brainpy_state.AdEx'].is_model
    assert not Name('Neuron', bst.Neuron, 'neurons._neuron').is_model


def test_docstrings_become_markdown():
    about, parts = sections('One line.\n\nParameters\n----------\na : int\n    First.\n    More.\nb\n    Second.\n')
    assert about == 'One line.\n\n'
    assert fields(parts['Parameters']) == [('a', 'int', 'First. More.'), ('b', '', 'Second.')]
    assert markdown('See `LIF` and ``x``, :math:`a_b`.', {'LIF': 'p.LIF'}) == 'See {py:obj}`LIF <p.LIF>` and `x`, $a_b$.'
    assert markdown('.. math:: x\n\nText.') == '$$\nx\n$$\n\nText.'
    assert markdown('doi:10.1/abc.') == '[doi:10.1/abc](https://doi.org/10.1/abc).'


def test_the_gallery_has_every_model_of_a_paper():
    programs = {program.name: program for program in gallery.programs()}
    commands = {path.stem for path in (gallery.ROOT / 'models').glob('*.py') if "'__main__'" in path.read_text()}
    assert {name for name, program in programs.items() if program.is_model} == {x for x in commands if not x.endswith('_reference')}
    assert set(gallery.SHORT) <= set(programs)
    assert importlib.import_module('models.brunel_2000').__doc__.startswith(programs['brunel_2000'].about.splitlines()[0])


def test_links_that_lead_nowhere_are_found(tmp_path):
    (tmp_path / 'a.html').write_text(
        '<p id="here"><a href="b.html#there">x</a><a href="#here">x</a><a href="https://doi.org/10.1/a">x</a></p>'
    )
    (tmp_path / 'b.html').write_text(
        '<p id="there"><img src="c.png"><a href="a.html#nowhere">x</a><a href="https://doi.org/10.1/a.">x</a></p>'
    )
    assert links.broken(tmp_path) == [
        'b.html: a.html#nowhere leads to no place of its page',
        'b.html: c.png leads to no page',
        'b.html: https://doi.org/10.1/a. is no address',
    ]
