from __future__ import annotations

import asyncio
from concurrent.futures import wait
from functools import partial
from random import Random

import pytest

from tests.simulation.loop import VirtualLoop
from tests.simulation.mint import Mint
from tests.simulation.replay import Inline, Script


def play(code, *, mint=None):
    loop = VirtualLoop(Random(0))
    script = Script()
    try:
        return loop.run_until_complete(script.play(lambda: code(script), mint or Mint(Random(0))))
    finally:
        loop.close()


async def after(seconds, answer):
    await asyncio.sleep(seconds)
    if isinstance(answer, Exception):
        raise answer
    return answer


def test_synchronous_code_gets_its_answers_in_the_course_of_time():
    def code(script):
        return script.call(lambda: after(5, "a")) + script.call(lambda: after(5, "b"))

    assert play(code) == "ab"


def test_each_call_is_made_once_however_often_the_code_is_run():
    made = []

    async def make(number):
        made.append(number)

    def code(script):
        for number in range(4):
            script.call(partial(make, number))
        return made

    assert play(code) == [0, 1, 2, 3]


def test_an_error_is_raised_where_the_call_was_made():
    def code(script):
        with pytest.raises(ZeroDivisionError):
            script.call(lambda: after(1, ZeroDivisionError()))
        return script.call(lambda: after(1, "went on"))

    assert play(code) == "went on"


def test_calls_on_the_executor_are_under_way_at_the_same_time():
    times = []

    async def timed(seconds):
        await asyncio.sleep(seconds)
        times.append(round(asyncio.get_running_loop().time()))

    def code(script):
        other = Inline(script).submit(script.call, lambda: timed(20))
        script.call(lambda: timed(10))
        wait([other])
        other.result()
        script.call(lambda: timed(1))

    play(code)
    assert times == [10, 20, 21]


def test_branches_of_different_lengths_find_their_own_answers():
    async def echo(seconds, text):
        await asyncio.sleep(seconds)
        return text

    def code(script):
        def branch(name):
            first = script.call(lambda: echo(len(name), name))
            return first + script.call(lambda: echo(1, first.upper()))

        return list(Inline(script).map(branch, ["abc", "d", "ef"]))

    assert play(code) == ["abcABC", "dD", "efEF"]


def test_tokens_and_clocks_read_the_same_each_time_the_code_is_run():
    mint, tokens, readings = Mint(Random(0)), set(), set()
    clock = iter(range(100))

    def code(script):
        tokens.add(mint.token_hex(4))
        readings.add(script.read(lambda: next(clock)))
        script.call(lambda: after(1, None))
        script.call(lambda: after(1, None))

    play(code, mint=mint)
    assert (len(tokens), readings) == (1, {0})
