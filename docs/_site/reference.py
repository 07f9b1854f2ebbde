"""The pages of the reference, written before Sphinx reads them."""

from __future__ import annotations

import functools
import inspect
import shutil
from pathlib import Path
from typing import Any

from . import pictures
from .models import page
from .rooms import ROOMS, Name, Room, groups, is_base, names

DOCS = Path(__file__).parents[1]
API = DOCS / 'reference' / 'api'
MARK = '<!-- written by generate_models.py from here on -->'


def write(app: Any) -> None:
    """Write all pages, and remove those of names that are gone."""
    written = {path: text for room in ROOMS for path, text in pages(room).items()}
    for path, text in written.items():
        if not path.exists() or path.read_text() != text:  # what has not changed is not read again
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for room in (room for room in ROOMS if room.is_family):
        models = {name.short: name.value for name in names(room) if name.is_model}
        pictures.write(room.slug, models, API / 'pictures', DOCS / 'matplotlibrc')
    for path in [*API.rglob('*.md'), *API.rglob('*.rst')]:
        if path not in written:
            path.unlink()
    for folder in [x for x in API.iterdir() if x.is_dir() and not any(x.iterdir())]:
        shutil.rmtree(folder)


@functools.cache
def known() -> dict[str, str]:
    """Full names by short names, of all that is shown."""
    found: dict[str, set[str]] = {}
    for room in ROOMS:
        for name in names(room):
            for key in (name.short, name.path, name.full):
                found.setdefault(key, set()).add(name.full)
    return {key: next(iter(full)) for key, full in found.items() if len(full) == 1}


@functools.cache
def owners() -> dict[int, str]:
    """The full name under which a value is described, of those with several names."""
    found: dict[int, str] = {}
    for name in (name for room in ROOMS for name in names(room) if hasattr(name.value, '__name__')):
        if name.value.__name__ == name.short:
            found.setdefault(id(name.value), name.full)
    return found


def pages(room: Room) -> dict[Path, str]:
    """The files of a room and their texts."""
    members = names(room)
    if not room.is_family:
        return {API / f'{room.slug}.rst': room_page(room, members)}
    links = known()
    models = [name for name in members if name.is_model]
    files = {API / room.slug / f'{name.short}.md': page(name, links, picture(room, name)) for name in models}
    return files | {API / f'{room.slug}.rst': family_page(room, members, models)}


def picture(room: Room, name: Name) -> str:
    """What the page of a model shows of it."""
    caption = pictures.ROOMS[room.slug].caption(name.value)
    return f'```{{figure}} ../pictures/{name.short}.svg\n:alt: {name.short}\n:width: 100%\n\n{caption}\n```'


def room_page(room: Room, members: list[Name]) -> str:
    """All names of a room, in groups."""
    parts = [title(room.title, '='), about(room)]
    for heading, group in groups(members).items():
        parts += [title(heading.replace('`', '``') if '``' not in heading else heading, '-'), *(automatic(name) for name in group)]
    return '\n\n'.join(parts) + '\n'


def family_page(room: Room, members: list[Name], models: list[Name]) -> str:
    """The models of a room with what they are, a page for each; and the bases, other names and parts."""
    parts = [title(room.title, '='), about(room)]
    rest = [name for name in members if name not in models]
    for heading, group in groups(models).items():
        parts += [title(heading, '-'), '.. grid:: 1 2 2 3\n   :gutter: 2', *(card(room, name) for name in group)]
    if rest:
        parts += [title('Bases and parts', '-'), *(automatic(name) for name in rest)]
    entries = '\n'.join(f'   {room.slug}/{name.short}' for name in models)
    parts.append(f'.. toctree::\n   :hidden:\n\n{entries}')
    return '\n\n'.join(parts) + '\n'


def card(room: Room, name: Name) -> str:
    """A model as a card with its picture."""
    return (
        f'   .. grid-item-card:: {name.short}\n      :link: {room.slug}/{name.short}\n      :link-type: doc\n'
        f'      :img-top: pictures/{name.short}.svg\n\n      {first_line(name)}'
    )


def title(text: str, line: str) -> str:
    """A heading."""
    return f'{text}\n{line * len(text)}'


def about(room: Room) -> str:
    """How the names of a room are imported."""
    where = ', '.join(f'``brainpy_state.{part}``'.replace('state.``', 'state``') for part in room.modules)
    return f'Of {where}. Examples write ``bst`` for ``brainpy_state`` and ``u`` for ``brainunit``.'


def first_line(name: Name) -> str:
    """What a name is, in a line."""
    return inspect.cleandoc(name.value.__doc__).split('\n\n')[0].replace('\n', ' ')


def automatic(name: Name) -> str:
    """The directive of Sphinx that shows a name."""
    value, module = name.value, name.full.rpartition('.')[0]
    start = f'.. currentmodule:: {module}\n\n'
    if (own := owners().get(id(value), name.full)) != name.full:
        return f'{start}.. py:data:: {name.short}\n\n   Another name of :py:obj:`~{own}`.'
    if inspect.isclass(value):
        inner = issubclass(value, Exception) or is_base(value)
        return f'{start}.. autoclass:: {name.short}' + ('' if issubclass(value, Exception) and inner else '\n   :members:')
    if callable(value):
        return f'{start}.. autofunction:: {name.short}'
    return f'{start}.. autodata:: {name.short}\n   :no-value:'


def find_by_short_name(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """A link for a name in a docstring that is written without its module, if only one thing has it."""
    full = known().get(node.get('reftarget'))
    if node.get('refdomain') != 'py' or full is None:
        return None
    domain = env.get_domain('py')
    return domain.resolve_xref(env, node['refdoc'], app.builder, 'obj', full, node, contnode) if full in domain.objects else None


def without_the_list_of_models(app: Any, docname: str, source: list[str]) -> None:
    """Leave out what `models.md` lists of single models, which have pages of their own here."""
    if docname == 'models':
        source[0] = source[0].partition(MARK)[0]
