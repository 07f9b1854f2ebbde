"""What processes do that the fixture `together` starts."""

import json
import sys
from typing import Any

import jax


def mesh_and_arguments() -> tuple[Any, list[str]]:
    """Let JAX connect the processes; the mesh of all devices, or None of one, and the arguments of this process."""
    number, processes, port, *arguments = sys.argv[1:]
    if int(processes) > 1:
        jax.distributed.initialize(f'localhost:{port}', int(processes), int(number))
    return (jax.make_mesh((jax.device_count(),), ('i',)) if jax.device_count() > 1 else None), arguments


def tell(x: Any) -> None:
    """Print something for the test."""
    sys.stdout.write(f'\n{json.dumps(x)}\n')
