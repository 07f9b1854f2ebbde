"""`Root`: what the file says that makes a folder a store, and up to which row each record is committed."""

from __future__ import annotations

import copy
import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._errors import ParameterError, StoreError
from ..modules import same_dt
from ..numerics import brief
from ._layout import OWN, STEP, Layout, differences, time_as_json, time_of_json
from ._zarr import METADATA, Rows, group

FORMAT = 1
_OWN = 'brainpy_state'


class Root:
    """A store, as it is at one moment.

    Parameters
    ----------
    folder : Path
        Where it is.
    layouts : dict of name to Layout
        Its records.
    dt : time
        The time step.
    start : int
        The step from which was recorded.
    about : dict
        JSON, what was simulated.
    sessions : list of dict
        Who has written, and from which step on.

    Attributes
    ----------
    stop : int
        The step up to which (not included) everything is there.
    lengths : dict of record to int
        The number of rows of its arrays.
    files : dict of record to dict of name to Rows
        Its arrays, those that do not grow left out.

    Raises
    ------
    ParameterError
        If what shall be JSON is none, or a type cannot be stored.
    """

    def __init__(self, folder: Path, layouts: Mapping[str, Layout], dt: Any, start: int, about: Mapping[str, Any], sessions: list[Any]):
        self.folder, self.layouts, self.dt, self.start, self.stop = folder, dict(layouts), dt, start, start
        self.about, self.sessions = _as_json(f'{folder}: about', about), sessions
        self.lengths = dict.fromkeys(layouts, 0)
        self.attributes = {name: self._attributes(name, layout) for name, layout in layouts.items()}
        self.files = {
            name: {
                STEP: Rows(folder / name / STEP, (), np.int32),
                **{key: Rows(folder / name / key, shape, dtype) for key, (shape, dtype) in layout.arrays.items()},
            }
            for name, layout in layouts.items()
        }

    def _attributes(self, name: str, layout: Layout) -> dict[str, Any]:
        own = {'kind': layout.kind, 'span': layout.span, 'fixed': list(layout.fixed)}
        return _as_json(f'{self.folder}: the attributes of {name!r}', {**layout.attributes, **own})

    @classmethod
    def read(cls, folder: Path) -> Root:
        """The store as it is now.

        Raises
        ------
        StoreError
            If it is no store, or one of a version of the format that is not known here.
        """
        try:
            found = json.loads((folder / METADATA).read_text())
            own, about = found['attributes'][_OWN], found['attributes']['about']
            if own['format'] > FORMAT:
                raise StoreError(
                    f'{folder} has version {own["format"]} of the format, but this version of brainpy_state reads up to {FORMAT}; '
                    f'it was written by version {own["sessions"][-1]["versions"][_OWN]}.'
                )
            members = found['consolidated_metadata']['metadata']
            root = cls(folder, {}, time_of_json(own['dt']), own['start'], about, own['sessions'])
            root.stop = own['stop']
            for name in own['records']:
                root._take(name, members)
        except FileNotFoundError:
            why = f'is no store of records: there is no {METADATA} in it' if folder.exists() else 'does not exist'
            raise StoreError(f'{folder} {why}.') from None
        except StoreError:
            raise
        except OSError as error:
            raise StoreError(f'{folder} cannot be read: {error.strerror or error}.') from error
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise StoreError(f'{folder} is no store of records, or its {METADATA} is damaged: {type(error).__name__}: {error}.') from None
        return root

    def _take(self, name: str, members: Mapping[str, Any]) -> None:
        """Take in a record from its metadata."""
        attributes = members[name]['attributes']
        arrays = {key.rpartition('/')[2]: each for key, each in members.items() if key.rpartition('/')[0] == name}
        files = {key: Rows.of(self.folder / name / key, each) for key, each in arrays.items()}
        fixed = {key: files.pop(key).read(0, arrays[key]['shape'][0]) for key in attributes['fixed']}
        rest = {key: x for key, x in attributes.items() if key not in OWN}
        row = {key: (rows.shape, rows.dtype) for key, rows in files.items() if key != STEP}
        self.layouts[name] = Layout(attributes['kind'], row, attributes['span'], rest, fixed)
        self.files[name], self.attributes[name] = files, attributes
        self.lengths[name] = arrays[STEP]['shape'][0]

    def fixed(self) -> Iterator[tuple[Rows, str, str, np.ndarray]]:
        """The arrays that do not grow: files, record, name and what they hold."""
        for name, layout in self.layouts.items():
            for key, x in layout.fixed.items():
                yield Rows(self.folder / name / key, (), x.dtype), name, key, x

    def arrays(self) -> dict[str, dict[str, dict[str, Any]]]:
        """The metadata of all arrays of each record."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for name, files in self.files.items():
            layout, n = self.layouts[name], self.lengths[name]
            found[name] = {key: rows.metadata(n, layout.dims(key), layout.units(key)) for key, rows in files.items()}
        for rows, name, key, x in self.fixed():
            found[name][key] = rows.metadata(len(x), (key,), {})
        return found

    def metadata(self) -> dict[str, Any]:
        """What the file of the store says."""
        members: dict[str, Any] = {}
        for name, arrays in self.arrays().items():
            members |= {name: group(self.attributes[name]), **{f'{name}/{key}': each for key, each in arrays.items()}}
        own = {
            'format': FORMAT,
            'dt': time_as_json(self.dt),
            'start': self.start,
            'stop': self.stop,
            'records': list(self.layouts),
            'sessions': self.sessions,
        }
        return group({_OWN: own, 'about': self.about}, members)

    def parts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What the files of records and of arrays say, which repeat it for those who open one alone."""
        for name, arrays in self.arrays().items():
            yield name, group(self.attributes[name], arrays)
            for key, each in arrays.items():
                yield f'{name}/{key}', each

    def at(self, step: int, lengths: dict[str, int]) -> Root:
        """The store after or before, with other numbers of rows."""
        other = copy.copy(self)
        other.stop, other.lengths = step, lengths
        return other

    def lengths_at(self, step: int) -> dict[str, int]:
        """How many rows of each record were known at a step."""
        return {name: self.find(name, step - layout.span + 1) for name, layout in self.layouts.items()}

    def find(self, name: str, step: int) -> int:
        """How many rows of a record are of earlier steps."""
        rows = self.files[name][STEP]
        return bisect_left(range(self.lengths[name]), step, key=lambda i: rows.read(i, i + 1)[0])

    def damage(self) -> list[str]:
        """The files that are missing or short."""
        return [file for name, files in self.files.items() for rows in files.values() for file in rows.damage(self.lengths[name])]

    def remove_later(self) -> None:
        """Remove the files of rows that are not committed."""
        for name, files in self.files.items():
            for rows in files.values():
                rows.cut(self.lengths[name])

    def differences(self, given: Root) -> list[str]:
        """What differs from the store that a caller has in mind."""
        same = same_dt(self.dt, given.dt)
        found = [] if same else [f'dt: {brief(self.dt)} in the store, {brief(given.dt)} here']
        found += differences(self._comparable(), given._comparable())
        for name, key in ((name, key) for name, layout in self.layouts.items() for key in layout.fixed):
            was, now = self.layouts[name].fixed[key], given.layouts[name].fixed.get(key) if name in given.layouts else None
            if now is not None and not np.array_equal(was, now):
                found += differences(was.tolist(), now.tolist(), f'records.{name}.{key}')
        return found

    def _comparable(self) -> dict[str, Any]:
        records = {
            name: {
                'arrays': {key: {'shape': list(rows.shape), 'type': rows.dtype.name} for key, rows in files.items()},
                'attributes': self.attributes[name],
            }
            for name, files in self.files.items()
        }
        return {'about': self.about, 'records': records}


def _as_json(where: str, x: Any) -> Any:
    try:
        return json.loads(json.dumps(x, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ParameterError(f'{where} must be JSON: dicts, lists, text and finite numbers; {error}.') from None
