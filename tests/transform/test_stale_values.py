"""Every value that Python finds while a function is traced is seen again when it has changed, wherever it stands."""

import collections
import dataclasses
import functools
import gc
import random
import sys
import types
import weakref

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.transform import _starts, for_loop, grad, jit, scan

elsewhere = types.ModuleType('elsewhere')  # a module of the user's, as if imported
exec('gain = 1.0\ndef gained(x): return gain * x\nclass Settings: gain = 1.0', vars(elsewhere))
sys.modules['elsewhere'] = elsewhere

gain = 1.0
table = {'gain': 1.0, 'deep': {'gain': [1.0]}, 'unit': 1.0 * u.ms}
row = [1.0, 2.0]
counted = collections.defaultdict(float, gain=1.0)
wrapped = collections.UserDict(gain=1.0)
flags = {1.0}
small, large, tabled = np.ones(3), np.ones(100_000), {'a': np.ones(3)}


def by_global(x):
    return gain * x


def by_helper(x):
    return by_global(x)


def by_default(x, gain=None):
    return (by_default.gain if gain is None else gain) * x


by_default.gain = 1.0


def decorated(f):
    @functools.wraps(f)
    def wrapper(x):
        return f(x) * 1.0

    return wrapper


def counter():
    k = 1.0

    def assign(value):
        nonlocal k
        k = value

    return (lambda x: k * x), assign


by_nonlocal, assign_nonlocal = counter()


class Plain:
    gain = 1.0

    def __init__(self):
        self.own, self.part, self.f = 1.0, types.SimpleNamespace(gain=1.0), by_global

    def __call__(self, x):
        return self.own * x

    def method(self, x):
        return gain * x

    @property
    def current(self):
        return self.own

    @property
    def by_global(self):
        return gain

    @staticmethod
    def static(x):
        return gain * x

    @classmethod
    def of_class(cls, x):
        return cls.gain * x


class Slotted:
    __slots__ = ('gain',)

    def __init__(self):
        self.gain = 1.0


@dataclasses.dataclass
class Data:
    gain: float = 1.0
    table: dict = dataclasses.field(default_factory=lambda: {'gain': 1.0})


@dataclasses.dataclass(frozen=True)
class Frozen:
    gain: float = 1.0


class Base(bst.nn.Module):
    gain = 1.0

    def update(self, x):
        return gain * x


class Net(Base):
    """Reads in each method from another place."""

    def __init__(self):
        super().__init__()
        self.table, self.plain, self.functions, self.layers = {'gain': 1.0}, Plain(), [by_global], [Base(), Base()]

    def update(self, x):
        return super().update(x)

    def by_table(self, x):
        return self.table['gain'] * x

    def by_object(self, x):
        return self.plain.own * x

    def by_function(self, x):
        return self.functions[0](x)

    def by_class(self, x):
        return self.gain * x

    def by_layers(self, x):
        return sum(layer(x) for layer in self.layers) / 2

    @property
    def current(self):
        return gain

    def by_property(self, x):
        return self.current * x

    @staticmethod
    def static(x):
        return gain * x


plain, slotted, data, frozen, net, shadowed = Plain(), Slotted(), Data(), Frozen(), Net(), Net()
functions = {'f': by_global, 'g': [by_global], 'replaced': by_global, 'anew': by_global}
registry = [plain]


def find():
    return registry[0]


def rebind(name):
    return lambda value: globals().update({name: value})


def attribute(holder, name='gain'):
    return lambda value: setattr(holder, name, value)


def item(holder, key='gain'):
    return lambda value: holder.__setitem__(key, value)


def replace_member(value):
    flags.clear()
    flags.add(value)


GLOBAL = rebind('gain')
# place: (function of x that multiplies it by what is there, how the value gets there)
PLACES = {
    'global': (by_global, GLOBAL),
    'global of a helper': (lambda x: by_helper(x), GLOBAL),
    'global of a model': (net, GLOBAL),
    'global of a base method': (net.update, GLOBAL),
    'global of a property': (net.by_property, GLOBAL),
    'global of a static method': (net.static, GLOBAL),
    'global of models in a list': (net.by_layers, GLOBAL),
    'global of a function in a dict': (lambda x: functions['f'](x), GLOBAL),
    'global of a function in a list': (lambda x: functions['g'][0](x), GLOBAL),
    'global of a function in an attribute': (lambda x: plain.f(x), GLOBAL),
    'global of a function of a model': (net.by_function, GLOBAL),
    'global of a method': (lambda x: plain.method(x), GLOBAL),
    'global of a property of an object': (lambda x: plain.by_global * x, GLOBAL),
    'global of a static method of a class': (lambda x: Plain.static(x), GLOBAL),
    'global of a decorated function': (decorated(by_global), GLOBAL),
    'global of a partial function': (functools.partial(by_global), GLOBAL),
    'global of another module': (lambda x: elsewhere.gained(x), attribute(elsewhere)),
    'attribute of another module': (lambda x: elsewhere.gain * x, attribute(elsewhere)),
    'class of another module': (lambda x: elsewhere.Settings.gain * x, attribute(elsewhere.Settings)),
    'function in a dict, replaced': (lambda x: functions['replaced'](x), lambda v: item(functions, 'replaced')(functools.partial(jnp.multiply, v))),
    'function in a dict, written anew': (lambda x: functions['anew'](x), lambda v: item(functions, 'anew')(lambda x: v * x)),
    'closure of a function': (lambda x: by_nonlocal(x), assign_nonlocal),
    'attribute of a function': (by_default, attribute(by_default)),
    'class attribute': (lambda x: plain.gain * x, attribute(Plain)),
    'class attribute by name': (lambda x: Plain.gain * x, attribute(Plain)),
    'class attribute by a class method': (lambda x: plain.of_class(x), attribute(Plain)),
    'class attribute of a model': (net.by_class, attribute(Base)),
    'class attribute of a model, shadowed': (shadowed.by_class, attribute(shadowed)),
    'attribute': (lambda x: plain.own * x, attribute(plain, 'own')),
    'attribute by a property': (lambda x: plain.current * x, attribute(plain, 'own')),
    'attribute by a call': (lambda x: plain(x), attribute(plain, 'own')),
    'attribute by its name': (lambda x: getattr(plain, 'o' + 'wn') * x, attribute(plain, 'own')),
    'attribute of an attribute': (lambda x: plain.part.gain * x, attribute(plain.part)),
    'attribute of what a function finds': (lambda x: find().own * x, attribute(plain, 'own')),
    'attribute in a slot': (lambda x: slotted.gain * x, attribute(slotted)),
    'dataclass': (lambda x: data.gain * x, attribute(data)),
    'dict of a dataclass': (lambda x: data.table['gain'] * x, item(data.table)),
    'frozen dataclass, replaced': (lambda x: frozen.gain * x, lambda v: rebind('frozen')(Frozen(v))),
    'dict': (lambda x: table['gain'] * x, item(table)),
    'list in a dict in a dict': (lambda x: table['deep']['gain'][0] * x, item(table['deep']['gain'], 0)),
    'quantity in a dict': (lambda x: (table['unit'] * x).to_decimal(u.ms), lambda v: item(table, 'unit')(v * u.ms)),
    'defaultdict': (lambda x: counted['gain'] * x, item(counted)),
    'mapping': (lambda x: wrapped['gain'] * x, item(wrapped)),
    'list': (lambda x: row[0] * x, item(row, 0)),
    'set': (lambda x: max(flags) * x, replace_member),
    'dict of a model': (net.by_table, item(net.table)),
    'object of a model': (net.by_object, attribute(net.plain, 'own')),
    'array of NumPy, in place': (lambda x: jnp.sum(small * x) / 3, small.fill),
    'large array of NumPy, in place': (lambda x: jnp.mean(large * x), large.fill),
    'array of NumPy in a dict, in place': (lambda x: jnp.asarray(tabled['a'])[0] * x, tabled['a'].fill),
}  # fmt: skip
CALLS = {
    'jit': lambda f: jit(f),
    'for_loop': lambda f: lambda x: for_loop(f, x[None])[0],
    'scan': lambda f: lambda x: scan(lambda c, x: (c, f(x)), 0.0, x[None])[1][0],
    'grad': lambda f: grad(lambda x: f(x)),
    'for_loop in jit': lambda f: jit(lambda x: for_loop(f, x[None])[0]),
    'run': lambda f: lambda x: run(f, x),
}
STEP = bst.environ.context(dt=0.1 * u.ms)


def run(f, x):
    with bst.environ.context(dt=0.1 * u.ms):
        return bst.run(lambda: f(x), 0.1 * u.ms)[0]


@pytest.mark.quick('jit$')
@pytest.mark.parametrize(
    ('place', 'names'),
    [*((place, ('jit',)) for place in PLACES), *((place, tuple(CALLS)) for place in list(PLACES)[::2])],
    ids=[*(f'{place}-jit' for place in PLACES), *(f'{place}-all' for place in list(PLACES)[::2])],
)
def test_a_changed_value_is_seen(place, names):
    f, put = PLACES[place]
    calls = {name: CALLS[name](f) for name in names}
    x = jnp.array(1.0)
    for value in (1.0, 2.0, 4.0, 1.0):
        put(value)
        assert {name: float(call(x)) for name, call in calls.items()} == dict.fromkeys(names, value)


def test_values_that_change_in_any_order_are_seen():
    """Objects come and go meanwhile, so identities are given again."""
    rng = random.Random(0)
    places = [name for name in PLACES if 'NumPy' not in name]
    for _ in range(15):
        f, put = PLACES[rng.choice(places)]
        call = jit(f)
        for _ in range(12):
            value = float(str(2.0 ** rng.randrange(4)))  # not the number that the compiler has made
            put(value)
            _ = [float(str(k)) for k in range(rng.randrange(30))]
            assert [float(call(1.0)) for _ in range(rng.randrange(1, 4))][-1] == value


@pytest.mark.parametrize(
    'place', ['dict', 'attribute', 'class attribute', 'dataclass', 'frozen dataclass, replaced', 'list', 'object of a model']
)
def test_an_equal_value_is_no_reason_to_compile_again(place):
    f, put = PLACES[place]
    traces = []

    @jit
    def step(x):
        traces.append(x)
        return f(x)

    for value in (5.0, float('5'), 7.0, 5.0, 7.0):
        put(value)
        step(1.0)
    assert len(traces) == 2
    put(1.0)


def test_what_the_function_itself_changes_or_does_not_read_is_no_reason_to_compile_again():
    class Driver:
        gain, calls, log = 2.0, 0, []

        def step(self, x):
            self.calls += 1
            self.log.append(self.calls)
            seen['n'] = seen.get('n', 0) + 1
            return self.gain * x

    driver, seen = Driver(), {}
    step = jit(driver.step)
    for k in range(4):
        driver.number = k  # by the program around it
        step(jnp.ones(2))
        step(jnp.ones(3))
    assert driver.calls == 2
    assert seen == {'n': 2}
    driver.gain = 3.0
    np.testing.assert_array_equal(step(jnp.ones(2)), [3.0, 3.0])


def test_attributes_that_code_finds_by_computed_names_are_compared_and_new_ones_of_other_names_are_not():
    plain, traces = types.SimpleNamespace(gain=1.0), []

    @jit
    def step(x):
        traces.append(x)
        return getattr(plain, 'ga' + 'in') * x

    step(1.0)
    plain.other = 1.0
    step(1.0)
    assert len(traces) == 1
    plain.gain = 2.0
    assert float(step(1.0)) == 2.0


def test_an_attribute_that_is_added_later_is_seen():
    plain = types.SimpleNamespace(other=1.0)
    step = jit(lambda x: getattr(plain, 'gain', 1.0) * x)
    assert float(step(1.0)) == 1.0
    plain.gain = 2.0
    assert float(step(1.0)) == 2.0
    del plain.gain
    assert float(step(1.0)) == 1.0


def test_containers_of_thousands_are_compared_and_cycles_end():
    many = list(range(3000))
    loop = {'gain': 1.0}
    loop['self'] = loop
    step = jit(lambda x: (many[2500] + loop['self']['gain']) * x)
    assert float(step(1.0)) == 2501.0
    many[2500] = 0
    assert float(step(1.0)) == 1.0
    loop['gain'] = 5.0
    assert float(step(1.0)) == 5.0


def test_a_program_keeps_no_container_or_object_alive():
    class Holder:
        pass

    holder = Holder()
    holder.models = {'a': [Plain()]}
    gone = weakref.ref(holder), weakref.ref(holder.models['a'][0])
    step = jit(lambda x: holder.models['a'][0].own * x)
    assert float(step(1.0)) == 1.0
    for_loop(lambda x: holder.models['a'][0].own * x, jnp.ones(2))
    del step
    holder = None
    gc.collect()
    assert [ref() is None for ref in gone] == [True, True]


@pytest.mark.slow
def test_a_value_that_changes_at_each_call_is_told_once(caplog):
    settings = {'gain': 0.0}
    step = jit(lambda x: settings['gain'] * x)
    for k in range(40):
        settings['gain'] = float(k)
        step(1.0)
    (record,) = caplog.records
    assert "settings['gain'] keeps changing" in record.getMessage()


def test_a_profiler_of_the_user_goes_on_after_a_trace():
    seen = []
    sys.setprofile(lambda frame, event, arg: seen.append(frame.f_code.co_name) if event == 'call' else None)
    mine = sys.getprofile()
    try:
        jit(lambda x: by_helper(x))(1.0)
        assert sys.getprofile() is mine
    finally:
        sys.setprofile(None)
    assert 'by_global' in seen


@pytest.mark.skipif(not hasattr(sys, 'monitoring'), reason='Python 3.11 has profile functions alone')
def test_values_are_seen_where_tools_of_the_user_have_taken_all_events(monkeypatch):
    monkeypatch.setattr(_starts._Monitoring, 'tool', None)
    monkeypatch.setattr(sys.monitoring, 'get_tool', lambda number: 'of the user')
    test_a_changed_value_is_seen('global of a helper', ('jit',))
    assert _starts._Monitoring.tool is None
