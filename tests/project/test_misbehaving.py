"""A project's process that misuses the guard's channel: the guard ends in words, and in time."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_schemaguard.codec import MisfitError, decode, dumps
from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.answers import wrong_message
from pytest_schemaguard.project.answers.login import LoginReport, RequestReport
from pytest_schemaguard.project.answers.models import Models
from pytest_schemaguard.project.answers.revisions import History, RunReport
from tests.project.conftest import SUBJECT

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.project import Project

    Make = Callable[..., Project]

CHANNEL = """
import json, os, signal, socket, stat, time

def channel():
    for descriptor in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                yield descriptor
        except OSError:
            pass

def write(data):
    for descriptor in channel():
        try:
            os.set_blocking(descriptor, True)
            os.write(descriptor, data)
        except OSError:
            pass

def run(arguments):
    {}
    return {{"tables": []}}
"""
NO_MESSAGE = [
    b"garbage\n",
    b"\n",
    b"\xff\xfe\n",
    b"[]\n",
    b"null\n",
    b"1\n",
    b'"result"\n',
    b"{}\n",
    b'{"results": 1}\n',
    b'{"progress": 1}\n',
    b'{"fence": null}\n',
    b'{"ended": "x"}\n',
    b'{"ended": true}\n',
    b'{"error": "x"}\n',
    b'{"error": {"subject": "x"}}\n',
    b'{"error": {"subject": 1, "fact": 2, "fix": 3, "detail": 4, "path": 5, "line": "6"}}\n',
    b"[" * 100_000 + b"\n",
    b'{"result": ' + b"[" * 100_000 + b"\n",
    b'{"result": ' + b"1" * 10_000 + b"}\n",
    b'{"result": 1}',
]
"""The last runs into the true answer."""
OWN = (
    "models app:Base: it wrote into the guard's own channel\n    {}\n"
    "  next: the code must not write to descriptors that it did not open"
)


def failing(one: Project, *, timeout_s: float, shape: Any = Any) -> str:
    began = time.monotonic()
    with pytest.raises(ProjectError) as failure:
        one.call("inside.task", {**SUBJECT}, timeout_s=timeout_s, shape=shape)
    assert time.monotonic() - began < timeout_s + 10
    return str(failure.value)


@pytest.mark.parametrize("data", NO_MESSAGE, ids=lambda data: repr(data[:40]))
def test_what_is_no_message_is_told(project: Make, data: bytes) -> None:
    one = project(CHANNEL.format(f"write({data!r})"))
    said = failing(one, timeout_s=60)
    whole = data if data.endswith(b"\n") else data + b'{"result": {"tables": []}}'
    assert said == OWN.format(repr(whole.rstrip(b"\n")[:200]))


@pytest.mark.parametrize(
    ("result", "shape", "where"),
    [
        (1, {"tables": list[str]}, "it: lacks tables"),
        ({"tables": 1}, {"tables": list[str]}, ".tables: no list"),
        ({"tables": [None]}, {"tables": list[str]}, ".tables[0]: no str"),
        ({}, Models, "it: lacks tables, ddl, places, "),
        (None, History, "it: no History"),
        ([], LoginReport, "it: no LoginReport"),
        ("x", RequestReport, "it: no RequestReport"),
    ],
)
def test_an_answer_to_another_question_is_told(
    project: Make, result: Any, shape: Any, where: str
) -> None:
    forged = json.dumps({"result": result}).encode() + b"\n"
    one = project(CHANNEL.format(f"write({forged!r})"))
    said = failing(one, timeout_s=60, shape=shape)
    start = f"models app:Base: its answer is not what the guard asked for: {where}"
    assert said.startswith(start)
    assert said.endswith(
        f"\n    {result!r}\n  next: the code must not write to descriptors that it did not open"
    )
    (one._config.root / "inside" / "next.py").write_text("def run(arguments):\n    return 2\n")
    assert one.call("inside.next", {}, timeout_s=60) == 2  # and not the answer that came too late


def test_an_answer_without_an_end_does_not_fill_the_memory(project: Make) -> None:
    one = project(CHANNEL.format("while True: write(b'x' * 1_000_000)"))
    said = failing(one, timeout_s=120)
    assert said.startswith("models app:Base: it wrote into the guard's own channel\n    6")
    assert "bytes without the end of a message" in said


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("time.sleep(600)", "it did not end within 3 s"),
        ("write(b'half of'); time.sleep(600)", "it did not end within 3 s"),
        (
            'while True: write(b\'{"progress": "x"}\\n\'); time.sleep(0.01)',
            "it did not end within 3 s",
        ),
        ("os.kill(os.getpid(), signal.SIGSTOP)", "it did not end within 3 s"),
        (
            "[os.close(one) for one in channel()]; time.sleep(600)",
            "it closed the guard's channel and answers no more",
        ),
        (
            "os.kill(os.getpid(), signal.SIGRTMIN + 3)",
            "its process was killed by signal 37 before it answered",
        ),
        ("write(b'{\"ended\": -37}\\n')", "its process was killed by signal 37 before it answered"),
    ],
)
def test_an_answer_that_never_comes_is_told(project: Make, does: str, words: str) -> None:
    one = project(CHANNEL.format(does))
    limit_s = 3 if "within" in words else 30
    assert f"models app:Base: {words}" in failing(one, timeout_s=limit_s)


def test_a_process_that_does_not_listen_is_given_up(project: Make) -> None:
    """More than its socket holds, so that the guard cannot even ask."""
    one = project("import os, signal\ndef run(arguments):\n    return 1\n", name="first")
    assert one.call("inside.first", {}, timeout_s=60) == 1
    assert one._peer is not None
    (one._config.root / "inside" / "stop.py").write_text(
        "import os, signal, threading\n"
        "def run(arguments):\n"
        "    threading.Timer(1, os.kill, (os.getpid(), signal.SIGSTOP)).start()\n"
        "    return 1\n"
    )
    assert one.call("inside.stop", {}, timeout_s=60) == 1
    time.sleep(2)
    began = time.monotonic()
    with pytest.raises(ProjectError) as failure:
        one.call("inside.first", {**SUBJECT, "big": "x" * 5_000_000}, timeout_s=3)
    assert time.monotonic() - began < 20
    assert str(failure.value).startswith("models app:Base: it did not end within 3 s")


def test_half_a_pair_of_a_character_is_no_text(project: Make) -> None:
    answer = rb'{"result": ["a\ud800b", "\ud83d\ude00"]}' + b"\n"
    one = project(CHANNEL.format(f"write({answer!r})"))
    assert one.call("inside.task", {}, timeout_s=60) == ["a?b", "\U0001f600"]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                """tables ddl places statements unrendered unstated facts revisions heads target env
            applied error contexts steps entity by attempts answers application protocol path line
            name sql table version_tables include_schemas filters column kind""".split()  # noqa: SIM905 - it is long
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)
GOOD = (
    Models(tables=(("a", "b"),), ddl=()),
    History(revisions=(), heads=(), target=(), env="/x", script_location="/", folder="root"),
    RunReport(applied=(), error=None, contexts=()),
    LoginReport(entity="User", by="email", attempts=()),
    RequestReport(application="a:b", protocol="wsgi", answers=()),
)


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(
    good=st.sampled_from(GOOD),
    change=st.dictionaries(st.integers(0, 6), values, max_size=3),
    whole=st.none() | values,
)
def test_random_answers_fit_or_are_refused(good: Any, change: dict[int, Any], whole: Any) -> None:
    fields = json.loads(dumps(good))
    keys = [*fields]
    damaged = {**fields, **{keys[place % len(keys)]: value for place, value in change.items()}}
    for answer in (damaged, whole):
        try:
            made = decode(type(good), answer)
        except MisfitError:
            continue
        assert dumps(made)  # then all its values are what their names say
    assert wrong_message(whole) in {True, False}
