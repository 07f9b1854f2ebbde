"""Docstrings as Markdown, and links in them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

SECTION = re.compile(r'^(?P<title>[A-Z][\w ]+)\n-{3,}\n', re.MULTILINE)
MATH = re.compile(r'^\.\. math::(?P<text>.*\n(?:\n|    .*\n)*)', re.MULTILINE)
DOI = re.compile(r'(?<![\w/`<])doi:(10\.\S+?)(?=[.,;)]*(?:\s|$))')
ARXIV = re.compile(r'(?<![\w/`<])arXiv:(\d{4}\.\d{4,5})')
ATTRIBUTE = re.compile(r'^:ivar (?P<name>[^:]+):(?P<text>.*\n(?:[ ]+\S.*\n)*)', re.MULTILINE)
KIND = re.compile(r'^:vartype (?P<name>[^:]+): (?P<kind>.*)$\n?', re.MULTILINE)
FIELD = re.compile(r'^(?P<name>\S.*?)(?: : (?P<kind>.*))?$')


def sections(doc: str) -> tuple[str, dict[str, str]]:
    """What stands before the first section of a docstring, and the text of each section."""
    about, *parts = SECTION.split(inspect.cleandoc(doc))
    return about, dict(zip(parts[::2], parts[1::2], strict=True))


def fields(text: str) -> list[tuple[str, str, str]]:
    """Name, kind and meaning of what a section like ``Parameters`` lists."""
    rows: list[tuple[str, str, str]] = []
    for line in text.strip('\n').splitlines():
        if line[:1].strip():
            found = FIELD.match(line)
            rows.append((found['name'], found['kind'] or '', ''))
        elif line.strip():
            name, kind, meaning = rows[-1]
            rows[-1] = (name, kind, f'{meaning} {line.strip()}'.strip())
    return rows


def markdown(text: str, known: Mapping[str, str] = MappingProxyType({})) -> str:
    """Prose and formulas of a docstring; names in ``known`` become links to what they stand for."""
    text = MATH.sub(lambda found: formula(found['text']), text.strip() + '\n')
    text = re.sub(r':math:`([^`]*)`', r'$\1$', text)
    text = re.sub(r'(?<!`)`([\w.]+)`(?!`)', lambda found: _name(found[1], known), text).replace('``', '`')
    text = DOI.sub(r'[doi:\1](https://doi.org/\1)', text)
    return ARXIV.sub(r'[arXiv:\1](https://arxiv.org/abs/\1)', text).strip()


def _name(name: str, known: Mapping[str, str]) -> str:
    return f'{{py:obj}}`{name} <{known[name]}>`' if name in known else f'`{name}`'


def formula(text: str) -> str:
    """A displayed formula; several lines are aligned."""
    body = '\n'.join(line.strip() for line in text.strip().splitlines())
    return f'$$\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n$$\n\n' if '\\\\' in body else f'$$\n{body}\n$$\n\n'


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table in Markdown; nothing if it has no rows."""
    lines = [f'| {" | ".join(header)} |', '|---' * len(header) + '|']
    lines += [f'| {" | ".join(cell.replace("|", chr(92) + "|") for cell in row)} |' for row in rows]
    return '\n'.join(lines) if rows else ''


def with_links(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Make links of DOIs in what autodoc reads, and a list of attributes, whose names and kinds would be links to anything of that name."""
    text = '\n'.join(lines)
    kinds = {found['name']: found['kind'] for found in KIND.finditer(text)}
    text, before = KIND.sub('', text), '.. rubric:: Attributes\n\n'
    for found in ATTRIBUTE.finditer(text):
        kind = f' ({kinds[found["name"]]})' if found['name'] in kinds else ''
        text = text.replace(found[0], f'{before}* **{found["name"]}**{kind}: {found["text"].strip()}\n')
        before = ''
    text = DOI.sub(r'`doi:\1 <https://doi.org/\1>`__', text)
    lines[:] = ARXIV.sub(r'`arXiv:\1 <https://arxiv.org/abs/\1>`__', text).splitlines()
