"""Threads that wait for parts of a native function, and the function that hands the parts out.

A pool is some words in memory. Who calls `share_out` publishes a ticket: the number of the job, and a bit for each part that is left. It
and the threads take parts by clearing bits, so nobody waits for a thread that has no processor. Each first takes the part of its own
number, whose memory its processor holds from the job before. Parts write to different memory, so a result does not depend on who does
which, nor on how many parts there are.

Whether threads help depends on the machine and on who else uses it: two processors may be halves of one core, or be lent to others half
of the time. So each place in a program where work can be shared keeps a ledger of what a unit of it has cost alone and shared. It does as
was cheaper, and now and then some jobs the other way.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .._threads import BUSY, CLOCK, CONTEXT, DONE, FUNCTION, MODE, MOST, PARTS, SEMAPHORE, SLEEPING, THREADS, TICKET
from .numba_memory import POINTER, inlined, lowest

_int64, _float64 = POINTER['int64'], POINTER['float64']
_LEFT, _NUMBERS = (1 << MOST) - 1, (1 << 63 - MOST) - 1
_PATIENCE = 4_000  # looks at the ticket before a thread goes to sleep: a tenth of a millisecond or two
_SPELL, _TRIAL = 256, 4  # jobs done the cheaper way, and then the other
# Words of a ledger: jobs in this round, how many the cheaper way, whether that is shared; jobs and nanoseconds of a unit in this spell;
# nanoseconds of a unit alone and shared, 0 where that is not known.
_ROUND, _SPELL_OF, _CHEAPER, _COUNT, _SUM, _COST = 0, 1, 2, 3, 4, 5

_wait = types.ExternalFunction('sem_wait', types.int32(types.int64))
_post = types.ExternalFunction('sem_post', types.int32(types.int64))
_step_aside = types.ExternalFunction('sched_yield', types.int32())
_read_clock = types.ExternalFunction('clock_gettime', types.int32(types.int32, types.int64))
_pool = types.ExternalFunction('brainpy_state_pool', types.int64())


def _place(builder: ir.IRBuilder, address: Any) -> Any:
    return builder.inttoptr(address, ir.IntType(64).as_pointer())


@intrinsic
def load(typing: Any, address: Any) -> Any:
    """The word at an address; this and the following are atomic."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_place(builder, arguments[0]), 'seq_cst', 8)

    return types.int64(types.int64), generate


@intrinsic
def store(typing: Any, address: Any, value: Any) -> Any:
    """Write the word at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[1], _place(builder, arguments[0]), 'seq_cst', 8)
        return arguments[1]

    return types.int64(types.int64, types.int64), generate


@intrinsic
def add(typing: Any, address: Any, value: Any) -> Any:
    """Add to the word at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.atomic_rmw('add', _place(builder, arguments[0]), arguments[1], 'seq_cst')

    return types.int64(types.int64, types.int64), generate


@intrinsic
def replaces(typing: Any, address: Any, old: Any, new: Any) -> Any:
    """Write ``new`` if the word at an address is ``old``; 1 if it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pair = builder.cmpxchg(_place(builder, arguments[0]), arguments[1], arguments[2], 'seq_cst', 'seq_cst')
        return builder.zext(builder.extract_value(pair, 1), ir.IntType(64))

    return types.int64(types.int64, types.int64, types.int64), generate


@intrinsic
def call(typing: Any, function: Any, context: Any, part: Any, parts: Any) -> Any:
    """Call the function at an address."""

    def generate(cgctx: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(64)
        pointer = builder.inttoptr(arguments[0], ir.FunctionType(word, [word] * 3).as_pointer())
        return builder.call(pointer, arguments[1:])

    return types.int64(*[types.int64] * 4), generate


def _float_mode(name: str) -> Any:
    """Read or set how the processor treats tiny numbers, which XLA sets for its threads; the mode stands at an address."""
    on_arm = platform.machine() in ('aarch64', 'arm64')

    @intrinsic
    def mode(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            word, byte = ir.IntType(64), ir.IntType(8).as_pointer()
            if on_arm and name == 'read':
                register = builder.call(builder.module.declare_intrinsic('llvm.aarch64.get.fpcr', (), ir.FunctionType(word, [])), [])
                builder.store(register, builder.inttoptr(arguments[0], word.as_pointer()))
            elif on_arm:
                register = builder.load(builder.inttoptr(arguments[0], word.as_pointer()))
                builder.call(
                    builder.module.declare_intrinsic('llvm.aarch64.set.fpcr', (), ir.FunctionType(ir.VoidType(), [word])), [register]
                )
            else:
                operation = 'llvm.x86.sse.stmxcsr' if name == 'read' else 'llvm.x86.sse.ldmxcsr'
                function = builder.module.declare_intrinsic(operation, (), ir.FunctionType(ir.VoidType(), [byte]))
                builder.call(function, [builder.inttoptr(arguments[0], byte)])
            return word(0)

        return types.int64(types.int64), generate

    return mode


@intrinsic
def _pause(typing: Any) -> Any:
    """Leave the core to the other processor that may be part of it, for a moment."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = ir.IntType(32)
        if platform.machine() in ('aarch64', 'arm64'):
            hint = builder.module.declare_intrinsic('llvm.aarch64.hint', (), ir.FunctionType(ir.VoidType(), [number]))
            builder.call(hint, [number(1)])
        else:
            builder.call(builder.module.declare_intrinsic('llvm.x86.sse2.pause', (), ir.FunctionType(ir.VoidType(), [])), [])
        return ir.IntType(64)(0)

    return types.int64(), generate


read_mode, set_mode = _float_mode('read'), _float_mode('set')


@inlined
def _choice(left: int, own: int) -> int:
    """Of the parts that are left, one's own or the first."""
    return own if (left >> own) & 1 != 0 else lowest(left)


@inlined
def _now(pool: int) -> int:
    """Nanoseconds since some moment."""
    _read_clock(1, pool + CLOCK)
    time = _int64(pool + CLOCK)
    return time[0] * 1_000_000_000 + time[1]


@inlined
def _is_shared(ledger: int) -> int:
    """Whether to share the job that is next; the round is counted on."""
    word, cost = _int64(ledger), _float64(ledger)
    if word[_ROUND] == 0:
        word[_CHEAPER] = 1 if cost[_COST + 1] < cost[_COST] else 0
        word[_SPELL_OF] = _SPELL if cost[_COST + 1] > 0.0 else _TRIAL
    if word[_ROUND] == 0 or word[_ROUND] == word[_SPELL_OF]:
        word[_COUNT], cost[_SUM] = 0, 0.0
    is_shared = word[_CHEAPER] if word[_ROUND] < word[_SPELL_OF] else 1 - word[_CHEAPER]
    word[_ROUND] += 1
    return is_shared


@inlined
def _enter(ledger: int, is_shared: int, unit: float) -> None:
    """Note what a unit of a job has cost. A spell's first job is left out: threads wake up, and memory moves from cache to cache."""
    word, cost = _int64(ledger), _float64(ledger)
    if word[_COUNT] > 0:
        cost[_SUM] += unit
    word[_COUNT] += 1
    round_, spell = word[_ROUND], word[_SPELL_OF]
    if round_ == spell or round_ == spell + _TRIAL:
        mean, before = cost[_SUM] / (word[_COUNT] - 1), cost[_COST + is_shared]
        # few jobs say less than many: then the mean counts along with those before
        cost[_COST + is_shared] = mean if before == 0.0 or word[_COUNT] > _TRIAL else before + 0.25 * (mean - before)
    if round_ == spell + _TRIAL:
        word[_ROUND] = 0


@inlined
def _share(pool: int, task: int, context: int) -> None:
    """Do a job on all threads."""
    parts = load(pool + THREADS) + 1
    store(pool + FUNCTION, task)
    store(pool + CONTEXT, context)
    store(pool + PARTS, parts)
    store(pool + DONE, 0)
    read_mode(pool + MODE)
    number = ((load(pool + TICKET) >> MOST) + 1) & _NUMBERS
    store(pool + TICKET, number << MOST | ((1 << parts) - 1))
    for _ in range(min(load(pool + SLEEPING), parts - 1)):
        _post(pool + SEMAPHORE)
    while True:
        ticket = load(pool + TICKET)
        left = ticket & _LEFT
        if left == 0:
            break
        part = _choice(left, 0)
        if replaces(pool + TICKET, ticket, ticket - (1 << part)) == 1:
            call(task, context, part, parts)
            add(pool + DONE, 1)
    looks = 0
    while load(pool + DONE) < parts:
        _pause()
        looks += 1
        if looks > _PATIENCE:
            _step_aside()


def share_out() -> Callable:
    """``(function, context, units, ledger)``: call ``function(context, part, parts)`` for all parts of a job, or for one that is all of it.

    Units say how large the job is, 0 that it is too small to be shared. The ledger is memory of `LEDGER` words, zero at first.
    """

    def function(task: int, context: int, units: int, ledger: int) -> int:
        pool = _pool()
        if units == 0 or load(pool + THREADS) == 0 or replaces(pool + BUSY, 0, 1) == 0:
            return call(task, context, 0, 1)
        is_shared, begin = _is_shared(ledger), _now(pool)
        if is_shared == 1:
            _share(pool, task, context)
        else:
            call(task, context, 0, 1)
        _enter(ledger, is_shared, (_now(pool) - begin) / units)
        store(pool + BUSY, 0)
        return 0

    return function


def share_pieces() -> Callable:
    """``(function, context, pieces, shares_pieces)``: as `share_out` for parts that take long, and take pieces of work until none is left.

    Where threads are more than pieces and can share one, the pieces are done in turn.
    """

    def function(task: int, context: int, pieces: int, shares_pieces: int) -> int:
        pool = _pool()
        threads = load(pool + THREADS)
        if threads == 0 or (shares_pieces == 1 and pieces <= threads) or replaces(pool + BUSY, 0, 1) == 0:
            return call(task, context, 0, 1)
        _share(pool, task, context)
        store(pool + BUSY, 0)
        return 0

    return function


def work() -> Callable:
    """``(pool, own)``: take parts for ever, first the one with this number."""

    def function(pool: int, own: int) -> int:
        looks = 0
        while load(pool + THREADS) > 0:
            ticket = load(pool + TICKET)
            left = ticket & _LEFT
            if left > 0:
                task, context, parts = load(pool + FUNCTION), load(pool + CONTEXT), load(pool + PARTS)
                part = _choice(left, own)
                if replaces(pool + TICKET, ticket, ticket - (1 << part)) == 1:
                    set_mode(pool + MODE)
                    call(task, context, part, parts)
                    add(pool + DONE, 1)
                looks = 0
                continue
            _pause()
            looks += 1
            if looks > _PATIENCE:
                add(pool + SLEEPING, 1)
                if load(pool + TICKET) & _LEFT == 0 and load(pool + THREADS) > 0:
                    _wait(pool + SEMAPHORE)
                add(pool + SLEEPING, -1)
                looks = 0
        return 0

    return function
