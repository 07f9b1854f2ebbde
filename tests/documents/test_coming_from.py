"""Pages for those who come from another simulator print the numbers that they give for it.

What the other one has printed stands in the page as text; its scripts are there too, to run them again.
"""

import contextlib
import io
import re
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / 'docs' / 'coming_from'
CELL = re.compile(r'^```\{code-cell\} ipython3\n(.*?)^```$', re.MULTILINE | re.DOTALL)

# what the other one has printed, as it stands in the page, and what the page prints for it
NUMBERS = {
    'brian2': [
        ('# 1486 80\n', '1486 80\n'),
        ('# -52.7669 mV at 30.4 ms', '-52.7669 mV at 30.3 ms\n'),  # a source acts in its own step
        ('# 1153 [117 125 133]', '1153 [117. 125. 133.]\n'),
    ],
    'nest': [
        ('# 1645 85 [ 9.7 21.4 33.1]', '1645 85 [ 9.6 21.3 33. ] ms\n'),  # the end and the start of a step
        ('# -58.094450 mV at 30.5 ms', 'mean -58.0944 mV at 30.5 ms\n'),
        ('is 9.5 ms, moves a target with `delay` 0.1 in NEST at 9.7 ms', '(Quantity(9.4, "ms"), Quantity(9.7, "ms"))'),
    ],
    'brainpy': [('prints 197 and 70 spikes', '197 70\n197 70\n')],
    'snntorch': [('# [0, 0, 9, 14, 20, 25, 30, 34]', '[ 0.,  0.,  9., 14., 20., 25., 30., 34.]')],
    'norse': [
        ('# [0, 0, 8, 13, 19, 23, 24, 32]', '[ 0.  0.  8. 13. 19. 23. 24. 32.]'),
        ('0.08, 0.216, 0.3896, 0.5868, 0.797\n', '[0.08       0.21599999 0.38959998 0.5867999'),
    ],
    'spikingjelly': [
        ('# [0, 0, 9, 14, 20, 25, 25, 33]\n', '[ 0.  0.  9. 14. 20. 25. 25. 33.]\n'),
        ('# [0, 0, 9, 14, 20, 25, 30, 34]\n', '[ 0.  0.  9. 14. 20. 25. 30. 34.]\n'),
    ],
    'pynn': [('# 1645 85 -58.094450 mV 30.5 ms', '1645 85 -58.094392 mV 30.5 ms\n')],
}


def printed(page):
    """What the cells of a page print, and the values of those that end with one."""
    names, out = {'__name__': '__main__'}, io.StringIO()
    with contextlib.redirect_stdout(out):
        for code in CELL.findall(page):
            *body, last = code.rstrip('\n').split('\n')
            is_value = re.match(r'(bst\.|\w+$)', last)
            exec('\n'.join(body if is_value else [*body, last]), names)
            if is_value:
                out.write(f'{eval(last, names)!r}\n')
    return out.getvalue()


def test_every_page_is_among_them():
    assert set(NUMBERS) == {path.stem for path in PAGES.glob('*.md')} - {'index'}


@pytest.mark.slow
@pytest.mark.parametrize('name', NUMBERS)
def test_a_page_prints_the_numbers_of_the_other(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (PAGES / f'{name}.md').read_text()
    assert [theirs for theirs, _ in NUMBERS[name] if theirs not in page] == []
    out = printed(page)
    assert [ours for _, ours in NUMBERS[name] if ours not in out] == [], out
