"""Settings apart from the others, and functions that are told of settings."""

import jax.numpy as jnp
import numpy as np
import pytest

import brainpy_state as bst
from brainpy_state.compat import brainstate

environ = brainstate.environ


def test_another_environment_keeps_its_own_settings():
    env = environ.EnvironmentState()
    environ.set(dt=0.5, precision=64, env=env)
    assert environ.get_dt(env=env) == 0.5 and environ.dftype(env=env) is np.float64 and environ.ditype(env=env) is np.int64
    assert environ.tolerance(env=env).dtype == np.float64 and environ.get_precision(env=env) == 64
    assert bst.environ.get('dt', None) is None and environ.get_precision() == 32
    with environ.context(dt=0.1, label='inner', env=env) as found:
        assert found == {'dt': 0.1, 'label': 'inner', 'precision': 64} == environ.all(env=env)
    assert environ.get('label', 'none', env=env) == 'none' and environ.pop('dt', env=env) == 0.5
    with pytest.raises(KeyError, match="'dt' is not set .the step."):
        environ.get('dt', desc='the step', env=env)
    environ.set_precision('bf16', env=env)
    assert environ.dftype(env=env) is jnp.bfloat16 and environ.dutype(env=env) is np.uint16
    environ.reset(env=env)
    assert environ.all(env=env) == {} and environ.dctype(env=env) is np.complex64
    with pytest.raises(ValueError, match='precision is one of 64, 32, 16, bf16'):
        environ.set(precision=8, env=env)
    with pytest.raises(ValueError, match='platform cannot change for a block'), environ.context(platform='cpu', env=env):
        pass


@pytest.mark.parametrize('env', [None, environ.EnvironmentState()])
def test_functions_are_told_of_settings(env):
    told = []
    environ.register_default_behavior('level', told.append, env=env)
    with environ.context(level=1, env=env), environ.context(level=2, env=env):
        pass
    assert told == [1, 2, 1] and 'level' in environ.list_registered_behaviors(env=env)
    with pytest.raises(ValueError, match='replace_if_exist'):
        environ.register_default_behavior('level', print, env=env)
    environ.register_default_behavior('level', lambda level: 1 / level, replace_if_exist=True, env=env)
    with pytest.warns(UserWarning, match="Callback for 'level' raised an exception: ZeroDivisionError"), environ.context(level=0, env=env):
        assert environ.get('level', env=env) == 0
    assert environ.unregister_default_behavior('level', env=env) and not environ.unregister_default_behavior('level', env=env)
    with pytest.raises(TypeError, match='a key is a text'):
        environ.register_default_behavior(1, print, env=env)
