"""The runner from end to end, on contenders that only pretend to simulate."""

import dataclasses
import json
import sys

import pytest

from benchmarks.__main__ import main
from benchmarks._contender import OURS, Case, Contender, Size
from benchmarks._peers import UsageError, parse_interpreters, select

pytestmark = pytest.mark.slow

WORKER = """
import json, sys
name, run_s, log = sys.argv[1], float(sys.argv[2]), sys.argv[3]
repeats = int(sys.argv[sys.argv.index('--repeats') + 1])
with open(log, 'a') as turns:
    turns.write(f'{name} {repeats}\\n')
report = {'build_s': 0.1, 'compile_s': 0.0, 'run_s': run_s, 'spikes': 7, 'rate_hz': {'E': 5.0, 'I': 6.0},
          'cv_isi': 0.5, 'peak_rss_mb': 10.0, 'versions': {name: '1.0'}}
if '--json' in sys.argv:
    with open(sys.argv[sys.argv.index('--json') + 1], 'w') as file:
        json.dump(report, file)
else:
    print('a line of its own')
    print(json.dumps(report))
"""


@pytest.fixture
def fake(tmp_path):
    """A case of ours, a peer that repeats in-process, one that does not, and one that is missing."""
    script, log = tmp_path / 'pretend.py', tmp_path / 'turns.txt'
    script.write_text(WORKER)

    def contender(name, peer, run_s, *extra, module='json', **more):
        return Contender(name, (str(script), name, str(run_s), str(log), *extra), peer=peer, module=module, **more)

    listed = (
        contender('ours', OURS, 0.5, '--json', '{json}'),
        contender('quick', 'quick', 1.0),
        contender('slow', 'slow', 4.0, repeats_in_process=False),
        contender('gone', 'gone', 1.0, module='no_such_simulator_at_all'),
    )
    return {'pretend': Case('Pretended', ('only',), lambda variant, seed: listed)}, log


def test_contenders_take_turns_after_a_discarded_round(fake, tmp_path, capsys):
    cases, log = fake
    out = tmp_path / 'out.json'
    assert main(['pretend', '--repeats', '2', '--inner', '3', '--json', str(out)], cases) == 0
    warm_up = ['ours 1', 'quick 1', 'slow 1']
    turn = ['ours 1', 'ours 3', 'quick 1', 'quick 3', 'slow 1']
    assert log.read_text().splitlines() == warm_up + 2 * turn

    printed, said = capsys.readouterr()
    assert '### Pretended: only' in printed
    assert '| slow | 0.100 | 0 | 4.00 (4.00-4.00) | 8.00 |' in printed
    assert said.count('gone is not installed; to include it: pip install -e ".[peers]"') == 1

    result = json.loads(out.read_text())
    rows = result['cases']['pretend:only']
    assert [row['name'] for row in rows] == ['ours', 'quick', 'slow']
    assert rows[1]['ratio_to_ours']['run'] == 2.0
    assert rows[1]['wall_s'] > 0.0
    assert len(rows[1]['reports']['alone']) == 2
    assert {'cpu', 'cores', 'memory_gb', 'os', 'python'} <= set(result['machine'])


def test_peers_keeps_only_the_named_ones(fake):
    cases, log = fake
    assert main(['pretend', '--peers', 'slow', '--repeats', '1', '--inner', '1'], cases) == 0
    assert log.read_text().splitlines() == 2 * ['ours 1', 'slow 1']


def test_missing_peer_asked_for_by_name_is_an_error_that_says_how_to_install_it(fake, capsys):
    cases, log = fake
    assert main(['pretend', '--peers', 'gone'], cases) == 2
    assert capsys.readouterr().err.splitlines()[-1] == 'benchmarks: gone is not installed; to include it: pip install -e ".[peers]"'
    assert not log.exists()


def test_failing_peer_is_left_out_unless_it_was_asked_for(fake, tmp_path, capsys):
    cases, _ = fake
    broken = tmp_path / 'broken.py'
    broken.write_text("raise ImportError('numpy is too new')")
    ours = cases['pretend'].contenders('only', 1)[0]
    listed = (ours, Contender('broken', (str(broken),), peer='broken', module='json'))
    cases = {'pretend': Case('Pretended', ('only',), lambda variant, seed: listed)}
    options = ['pretend', '--repeats', '1', '--inner', '1']
    assert main(options, cases) == 0
    assert 'left out: broken: exit status 1' in capsys.readouterr().err
    assert main([*options, '--peers', 'broken'], cases) == 1
    assert 'numpy is too new' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('program', 'said'),
    [("print('no report')", 'no JSON report'), ('print({})', "no 'run_s'"), ('import time; time.sleep(60)', 'no report in 0.3 s')],
)
def test_contender_without_a_report_is_an_error(tmp_path, capsys, program, said):
    script = tmp_path / 'bad.py'
    script.write_text(program)
    listed = (Contender('ours', (str(script),), peer=OURS, module='json'),)
    cases = {'pretend': Case('Pretended', ('only',), lambda variant, seed: listed)}
    assert main(['pretend', '--timeout', '0.3' if 'sleep' in program else '60'], cases) == 1
    assert said in capsys.readouterr().err


def test_json_into_a_missing_folder_is_refused_before_anything_runs(fake, tmp_path):
    cases, log = fake
    assert main(['pretend', '--json', str(tmp_path / 'missing' / 'out.json')], cases) == 2
    assert not log.exists()


def test_peer_with_an_environment_of_its_own_needs_an_interpreter(fake, capsys):
    cases, log = fake
    ours, quick, *_ = cases['pretend'].contenders('only', 1)
    apart = Contender('apart', ('-c', 'pass', *quick.arguments), peer='apart', module='json', own_environment=True)
    alone = Contender('apart', quick.arguments, peer='apart', module='json', own_environment=True)
    options = ['pretend', '--peers', 'apart', '--repeats', '1', '--inner', '1']
    for contender, more, status in ((apart, [], 2), (alone, ['--peer-python', f'apart={sys.executable}'], 0)):
        cases = {'pretend': Case('Pretended', ('only',), lambda variant, seed, c=contender: (ours, c))}
        assert main(options + more, cases) == status
    assert 'apart is not installed' in capsys.readouterr().err
    assert 'quick 1' in log.read_text()


def test_contender_whose_compiler_is_missing_is_left_out_with_a_line(fake, capsys):
    cases, log = fake
    ours, quick, *_ = cases['pretend'].contenders('only', 1)
    needy = dataclasses.replace(quick, command='no-such-compiler', install='install a compiler')
    cases = {'pretend': Case('Pretended', ('only',), lambda variant, seed: (ours, needy))}
    assert main(['pretend', '--repeats', '1', '--inner', '1'], cases) == 0
    assert 'quick is not installed; to include it: install a compiler' in capsys.readouterr().err
    assert 'quick' not in log.read_text()


def test_sizes_give_the_cost_of_a_step_and_a_plot(fake, tmp_path, capsys):
    cases, _ = fake
    sized = Case('Sized', ('4000', '8000'), cases['pretend'].contenders, lambda variant: Size('KIND', int(variant), 1000))
    files = tmp_path / 'out.json', tmp_path / 'out.png'
    options = ['--repeats', '1', '--inner', '1', '--json', str(files[0]), '--plot', str(files[1])]
    assert main(['sized:8000', 'sized:4000', *options], {'sized': sized}) == 0
    printed = capsys.readouterr().out
    assert '### Cost of a step: KIND' in printed
    assert '| us per step | 4,000 neurons, 1,000 steps | 8,000 neurons, 1,000 steps |' in printed
    assert '| slow | 4000 | 4000 |' in printed
    assert json.loads(files[0].read_text())['cases']['sized:4000'][0]['us_per_step'] == 500.0
    assert files[1].read_bytes().startswith(b'\x89PNG')


def test_a_plot_of_cases_without_sizes_is_refused_before_anything_runs(fake, tmp_path, capsys):
    cases, log = fake
    assert main(['pretend', '--plot', str(tmp_path / 'out.png')], cases) == 2
    assert 'none of these cases is about different sizes' in capsys.readouterr().err
    assert not log.exists()


def test_interpreter_on_the_command_line_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv('BENCH_PYTHON_BRAINPY', '/one')
    assert parse_interpreters([])['brainpy'] == '/one'
    assert parse_interpreters(['brainpy=/two'])['brainpy'] == '/two'
    with pytest.raises(UsageError, match='expected NAME=PATH'):
        parse_interpreters(['brainpy'])


def test_peers_are_selected_by_simulator_or_by_contender(fake):
    cases, _ = fake
    contenders = cases['pretend'].contenders('only', 1)
    assert [c.name for c in select(contenders, [])] == ['ours']
    assert [c.name for c in select(contenders, None)] == ['ours', 'quick', 'slow', 'gone']
    with pytest.raises(UsageError, match="no peer 'typo'; known: gone, quick, slow"):
        select(contenders, ['typo'])
