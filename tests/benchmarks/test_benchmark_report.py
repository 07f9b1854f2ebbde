"""Medians, ratios and the Markdown table."""

import pytest

from benchmarks._contender import OURS, Contender
from benchmarks._report import markdown_table, median_of, number, summarize, versions_line
from benchmarks._schedule import Measured


def report(run_s, wall_s=1.0, **more):
    return {'run_s': run_s, 'wall_s': wall_s, 'build_s': 0.1, 'compile_s': 0.2, **more}


def measured(name, peer, alone, repeated=()):
    return Measured(Contender(name, (), peer=peer, module=peer), 9.0, list(alone), list(repeated))


def test_run_time_is_the_median_of_the_repeating_processes():
    rows = summarize([measured('a', 'a', [report(9.0)], [report(1.0), report(5.0), report(2.0)])])
    assert rows[0]['run_s'] == 2.0
    assert rows[0]['run_s_range'] == [1.0, 5.0]


def test_run_time_of_a_contender_without_repeats_comes_from_its_single_runs():
    rows = summarize([measured('a', 'a', [report(3.0), report(1.0), report(2.0)])])
    assert rows[0]['run_s'] == 2.0


def test_compile_time_comes_from_the_repeats_where_a_single_run_cannot_tell():
    alone = [report(1.0) | {'compile_s': None}]
    rows = summarize([measured('a', 'a', alone, [report(1.0) | {'compile_s': 0.7}])])
    assert rows[0]['compile_s'] == 0.7


def test_ratios_are_theirs_over_the_first_of_ours():
    rows = summarize(
        [
            measured('ours', OURS, [report(0.5, wall_s=2.0)]),
            measured('ours-64-bit', OURS, [report(1.0, wall_s=3.0)]),
            measured('peer', 'peer', [report(4.0, wall_s=6.0)]),
        ]
    )
    assert [row['ratio_to_ours'] for row in rows] == [{'run': 1.0, 'wall': 1.0}, {'run': 2.0, 'wall': 1.5}, {'run': 8.0, 'wall': 3.0}]


def test_without_ours_there_are_no_ratios_and_the_table_has_dashes():
    rows = summarize([measured('peer', 'peer', [report(4.0)])])
    assert rows[0]['ratio_to_ours'] is None
    assert '| 4.00 (4.00-4.00) | - |' in markdown_table(rows)


def test_table_has_one_line_a_contender_and_as_many_cells_as_its_header():
    full = report(
        0.05, spikes=22463, rate_hz={'E': 5.59, 'I': 5.63}, cv_isi={'E': 0.5, 'I': None}, peak_rss_mb=142.0, binary_peak_rss_mb=12.5
    )
    lines = markdown_table(summarize([measured('full', 'a', [full]), measured('bare', 'b', [report(1.0)])])).splitlines()
    assert len(lines) == 4
    assert {line.count('|') for line in lines} == {lines[0].count('|')}
    assert '| 142 + 12.5 | 22463 | 5.59, 5.63 | 0.500, - |' in lines[2]


@pytest.mark.parametrize(
    ('value', 'text'),
    [
        (None, '-'),
        (0, '0'),
        (0.0, '0'),
        (0.06881, '0.0688'),
        (0.68812, '0.688'),
        (7.5, '7.50'),
        (12.345, '12.3'),
        (142.08, '142'),
        (22463, '22463'),
    ],
)
def test_number_has_three_digits_and_no_exponent(value, text):
    assert number(value) == text


def test_median_leaves_out_what_was_not_reported():
    assert median_of([{'x': 1.0}, {'x': None}, {}, {'x': 3.0}], 'x') == 2.0
    assert median_of([{}], 'x') is None


def test_versions_are_grouped_by_simulator():
    rows = summarize([measured('a', 'a', [report(1.0, versions={'a': '1', 'numpy': '2'})]), measured('b', 'b', [report(1.0)])])
    assert versions_line(rows) == 'a (a 1, numpy 2)'
