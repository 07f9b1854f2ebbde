"""Which machine the figures belong to."""

import os
import platform


def describe() -> dict:
    """Processor, cores open to this process, memory, system, Python and present load."""
    return {
        'cpu': _field('/proc/cpuinfo', 'model name') or platform.processor() or 'unknown',
        'cores': len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count(),
        'memory_gb': _memory_gb(),
        'os': platform.platform(),
        'python': platform.python_version(),
        'load_1min': load_1min(),
    }


def load_1min() -> float | None:
    """Processes that wanted a core during the last minute, on average."""
    return round(os.getloadavg()[0], 1) if hasattr(os, 'getloadavg') else None


def _memory_gb() -> float | None:
    total = _field('/proc/meminfo', 'MemTotal')
    return round(int(total.split()[0]) / 1024**2, 1) if total else None


def _field(path: str, name: str) -> str | None:
    try:
        with open(path) as lines:
            for line in lines:
                key, _, value = line.partition(':')
                if key.strip() == name:
                    return value.strip()
    except OSError:
        pass
    return None
