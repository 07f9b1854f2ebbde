"""Mapped states, divided states, shapes of modules, and filters that ask for classes."""

import subprocess
import sys

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

import brainpy_state as bst
from brainpy_state.compat import brainstate

pytestmark = pytest.mark.slow


def test_vmap2_says_which_states_have_lanes():
    total, buffer = brainstate.State(jnp.zeros(5)), brainstate.State(jnp.zeros((3, 5)))
    vmap2, x = brainstate.transform.vmap2, jnp.arange(5.0)

    @vmap2(state_in_axes=..., state_out_axes=...)
    def add(x):
        total.value += x
        return total.value

    def column(x):
        buffer.value += x

    np.testing.assert_array_equal(brainstate.transform.jit(add)(x), x)
    np.testing.assert_array_equal(total.value, x)
    vmap2(column, state_in_axes={1: buffer}, state_out_axes={1: buffer})(jnp.ones((5, 3)))
    np.testing.assert_array_equal(buffer.value, np.ones((3, 5)))


def test_states_for_each_lane_and_what_uses_them():
    cell = brainstate.nn.GRUCell(3, 4)
    brainstate.transform.vmap2_new_states(cell, {}, state_tag='new', axis_size=5)
    assert cell.h.value.shape == (5, 4)
    assert brainstate.transform.vmap2(cell, state_in_axes='new')(jnp.ones((5, 3))).shape == (5, 4)

    @brainstate.transform.vmap_new_states(axis_size=2)
    def again():
        brainstate.nn.init_all_states(cell)

    again()
    assert cell.h.value.shape == (2, 4)
    with pytest.raises(ValueError, match='lane axis of new states is 0'):
        brainstate.transform.vmap2_new_states(cell, {}, axis_size=5, state_out_axes={1: ...})


class Cell(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = brainstate.nn.Linear(2, 3)

    def init_state(self):
        self.h = brainstate.HiddenState(brainstate.random.rand(3))
        self.n = brainstate.LongTermState(jnp.zeros(()))

    def update(self, x):
        self.h.value = self.h.value + self.layer(x)
        self.n.value = self.n.value + 1.0
        return self.h.value


def test_lanes_of_undeclared_states_under_a_named_axis():
    total = brainstate.State(jnp.zeros(3))

    @brainstate.transform.vmap2(axis_name='lane')
    def step(x):
        total.value = total.value + x
        return jax.lax.pmean(x, 'lane')

    for _ in range(2):
        np.testing.assert_array_equal(step(jnp.arange(3.0)), np.ones(3))
    np.testing.assert_array_equal(total.value, [0, 2, 4])


@pytest.mark.parametrize('axes', [{0: brainstate.HiddenState}, {None: brainstate.LongTermState}], ids=['lanes', 'shared'])
def test_a_map_says_which_states_have_lanes(axes):
    ensemble = brainstate.nn.Map(Cell(), 5, axes)
    for _ in range(2):
        ensemble.init_all_states()
    cell = ensemble.module
    assert ensemble.dict_vmap_states == {0: [cell.h]} and cell.h.value.shape == (5, 3) and cell.n.value.shape == ()
    assert ensemble(jnp.ones((5, 2))).shape == (5, 3) and cell.n.value == 1
    assert ensemble.map(lambda x, y: cell.layer(x) + y, in_axes=(0, None))(jnp.ones((5, 2)), jnp.ones(3)).shape == (5, 3)


def test_a_map_has_lanes_of_what_was_initialised_only():
    cell = Cell()
    made = brainstate.transform.vmap2_new_states(cell, {}, axis_size=4)
    assert made == {0: [cell.h, cell.n]} and cell.layer.weight.value['weight'].shape == (2, 3)


def test_vmap_of_a_module_finds_states_by_their_paths_when_it_runs():
    cell = Cell()
    mapped = brainstate.nn.Vmap(cell, vmap_states={0: lambda path, state: path in (('h',), ('n',))})
    brainstate.nn.vmap_init_all_states(cell, axis_size=4)
    before = cell.h.value
    x = jnp.arange(8.0).reshape(4, 2)
    np.testing.assert_allclose(mapped(x), before + cell.layer(x), rtol=1e-5)
    np.testing.assert_array_equal(cell.n.value, np.ones(4))


def test_a_bar_whose_text_has_values():
    bar = brainstate.transform.ProgressBar(freq=5, desc=('step = {i}', lambda x: {'i': x['i']}))
    assert (bar.desc, bar.freq) == ('step', 5) and brainstate.transform.ProgressBar(10).desc == ''
    np.testing.assert_array_equal(brainstate.transform.for_loop(lambda x: 2 * x, jnp.arange(10), pbar=bar), 2 * np.arange(10))


def test_states_are_keys_of_specs():
    mesh, spec = jax.make_mesh((1,), ('x',)), PartitionSpec('x')
    total = brainstate.State(jnp.zeros(4))

    def add(x):
        total.value += x
        return x

    step = brainstate.transform.shard_map(add, mesh, (spec,), spec, state_in_specs={total: spec}, state_out_specs={total: spec})
    step(jnp.ones(4))
    np.testing.assert_array_equal(step(jnp.ones(4)), np.ones(4))
    np.testing.assert_array_equal(total.value, np.full(4, 2))


def test_a_module_of_shapes_is_filled_with_values():
    shapes = brainstate.transform.eval_shape(lambda: brainstate.nn.Linear(10, 20))
    assert shapes.weight.value['weight'].shape == (10, 20)
    model = brainstate.nn.Linear(10, 20)
    brainstate.graph.update_states(shapes, brainstate.graph.treefy_states(model))
    x = jnp.ones((1, 10))
    np.testing.assert_array_equal(shapes(x), model(x))
    assert brainstate.transform.eval_shape(lambda x: x @ jnp.ones((10, 2)), x).shape == (1, 2)


def test_filters_ask_for_the_class_of_a_state():
    model = brainstate.nn.Sequential(brainstate.nn.Linear(2, 3), brainstate.nn.Linear(3, 4))
    last = brainstate.nn.Linear(3, 4)
    model = brainstate.nn.Module()
    model.backbone, model.head = brainstate.nn.Linear(2, 3), last

    def trained(path, x):
        return 'backbone' not in path and issubclass(x.type, brainstate.ParamState)

    _, chosen, rest = brainstate.graph.treefy_split(model, trained, ...)
    assert list(chosen) == ['head'] and list(rest) == ['backbone']
    assert list(brainstate.graph.treefy_states(model, trained)) == ['head']
    assert list(brainstate.graph.treefy_states(model, bst.filter.PathContains('head'))) == ['head']


def test_pmap2_gives_each_device_a_lane():
    class Total(brainstate.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = brainstate.ParamState(jnp.ones(1))

        def update(self, x, scale):
            self.w.value += x
            return self.w.value * scale + brainstate.random.rand()

    of = {0: brainstate.ParamState}
    model = Total()
    mapped = brainstate.transform.pmap2(model, 'i', in_axes=(0, None), devices=jax.devices()[:1], state_in_axes=of, state_out_axes=of)
    assert isinstance(mapped, brainstate.transform.StatefulMapping) and mapped.origin_fun is model and mapped.state_in_axes is of
    out = mapped(jnp.full((1, 3), 2.0), 0.0)
    assert out.shape == (1, 3) and 0 < float(out[0, 0]) < 1
    np.testing.assert_array_equal(model.w.value, np.full((1, 3), 3.0))
    brainstate.random.rand()  # its key belongs to no device
    with pytest.raises(ValueError, match='2 lanes need as many devices, but there are 1'):
        mapped(jnp.ones(2), 0.0)
    with pytest.raises(ValueError, match='lanes is one number'):
        brainstate.transform.pmap2(lambda x, y: x)(jnp.ones(1), jnp.ones(2))
    with pytest.raises(ValueError, match='donate_argnums is not supported'):
        brainstate.transform.pmap2(model, donate_argnums=0)
    with pytest.raises(NotImplementedError, match='static_broadcasted_argnums is not supported; close over'):
        brainstate.transform.pmap2(model, static_broadcasted_argnums=1)
    with pytest.raises(TypeError, match='size'):
        brainstate.transform.pmap2(size=2)(model)


@pytest.mark.slow
def test_pmap2_uses_several_devices():
    code = (
        'import jax, jax.numpy as jnp; jax.config.update("jax_num_cpu_devices", 4)\n'
        'from brainpy_state.compat import brainstate\n'
        '@brainstate.transform.pmap2(axis_name="i")\n'
        'def share(x): return x / jax.lax.psum(x, "i") + 0 * brainstate.random.rand()\n'
        'out = share(jnp.arange(4.)); assert len(out.sharding.device_set) == 4, out.sharding\n'
        'assert jnp.allclose(out, jnp.arange(4.) / 6) and len(share(jnp.ones(2)).sharding.device_set) == 2\n'
    )
    subprocess.run([sys.executable, '-W', 'ignore', '-c', code], check=True)


def test_a_mapping_with_its_options():
    total = brainstate.State(jnp.zeros(3))

    def add(x):
        total.value += x
        return total.value

    mapped = brainstate.transform.StatefulMapping(add, state_in_axes=total, state_out_axes=total)
    np.testing.assert_array_equal(mapped(jnp.arange(3.0)), np.arange(3.0))
    assert mapped.in_axes == 0 and mapped.__name__ == 'add' and mapped.state_out_axes is total
    with pytest.raises(ValueError, match=r'mapping_fn is jax\.vmap or jax\.pmap'):
        brainstate.transform.StatefulMapping(add, mapping_fn=jax.jit)
    on_devices = brainstate.transform.StatefulMapping(lambda x: 2 * x, mapping_fn=jax.pmap, axis_size=1)
    assert on_devices(jnp.ones(1)) == 2
    assert isinstance(brainstate.transform.vmap2(in_axes=0)(add), brainstate.transform.StatefulMapping)


def test_a_mapping_with_static_arguments():
    def power(x, n, *, double=False):
        assert isinstance(n, int)
        return x**n * (2 if double else 1)

    mapped = brainstate.transform.StatefulMapping(power, (0, None), static_argnums=-1, static_argnames='double')
    x = jnp.arange(3.0)
    for n, double in ((2, True), (3, False), (2, True)):
        np.testing.assert_array_equal(mapped(x, n, double=double), x**n * (1 + double))
    with pytest.raises(ValueError, match='static_argnums=3 is out of range'):
        brainstate.transform.StatefulMapping(power, static_argnums=3)(x, 2)


def test_a_module_with_a_lane_on_each_device():
    class Cell(brainstate.nn.Module):
        def init_state(self):
            self.total = brainstate.HiddenState(brainstate.random.rand(2))

        def update(self, x):
            self.total.value += x
            return self.total.value

    lanes = brainstate.nn.Map(Cell(), init_map_size=1, behavior='pmap').init_all_states()
    first = lanes.module.total.value
    np.testing.assert_allclose(lanes(jnp.ones((1, 2))), first + 1)
    assert first.shape == lanes.module.total.value.shape == (1, 2)
    with pytest.raises(ValueError, match="behavior is 'vmap' or 'pmap'"):
        brainstate.nn.Map(Cell(), 2, behavior='map')
    with pytest.raises(TypeError, match='init_map_size'):
        brainstate.nn.Map(Cell(), 2.5)


def test_what_all_lanes_share():
    unvmap = brainstate.transform.unvmap
    x = jnp.array([[False, True], [False, False]])
    for lanes in (x, x[0]):
        shared = jax.jit(jax.vmap(lambda row: (unvmap(row), unvmap(row, op='all'), unvmap(row, op='none'))))(lanes)
        assert shared[0].all() and not shared[1].any()
        np.testing.assert_array_equal(shared[2], lanes)
    assert (jax.vmap(jax.vmap(lambda x: unvmap(x, 'max')))(jnp.arange(6).reshape(2, 3)) == 5).all() and unvmap(x)
    with pytest.raises(ValueError, match="op is 'any'"):
        unvmap(x, op='sum')


def test_stops_and_checks_where_a_condition_holds(monkeypatch):
    T, stops = brainstate.transform, []
    monkeypatch.setattr(jax.debug, 'breakpoint', lambda **options: jax.debug.callback(lambda: stops.append(options)))

    @T.jit
    def halved(x):
        T.breakpoint_if(x < 0, filter_frames=False)
        return x / 2

    assert halved(2.0) == 1.0 and halved(-2.0) == -1.0
    jax.effects_barrier()
    assert stops == [{'filter_frames': False}]
    T.debug_nan_if(False, jnp.log, -1.0)
    with pytest.raises(RuntimeError, match='loss: NaN/Inf detected: .*log'):
        T.debug_nan_if(True, jnp.log, -1.0, phase='loss')
    checked = T.jit(lambda bad, x: T.debug_nan_if(bad, jnp.log, x))
    checked(True, 1.0)
    checked(False, -1.0)
    with pytest.raises(ValueError, match='NaN/Inf detected in the result'):
        checked(True, -1.0)


def test_only_numbers_that_come_out_are_looked_at():
    debug_nan, total = brainstate.transform.debug_nan, brainstate.State(jnp.zeros(2))

    def add(x):
        total.value += jnp.log(x) * u.ms / u.ms
        return jnp.where(x > 0, total.value, 0.0)

    debug_nan(lambda x: jnp.where(x > 0, jnp.log(x), 0.0), jnp.array([-1.0, 1.0]))
    with pytest.raises(RuntimeError, match='NaN/Inf detected: .*`log` gave a NaN'):
        debug_nan(add, jnp.array([-1.0, 1.0]))
    with pytest.raises(RuntimeError, match='is infinite'):
        debug_nan(add, jnp.array([0.0, 1.0]))
    debug_nan(add, jnp.ones(2))
    np.testing.assert_array_equal(total.value, np.zeros(2))
