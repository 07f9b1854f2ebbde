"""Benchmarks of brainpy_state beside other simulators.

``python -m benchmarks CASE[:VARIANT] ...`` runs a case: every contender is a fresh process, contenders
take turns, and the last thing printed is a Markdown table. ``python -m benchmarks --help`` has the
options; a case is a file in ``cases/``, a contender's program one in ``workers/``.
"""
