"""Commands that never listen, or listen elsewhere; and what is told while something takes long."""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.address import Address
from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.child import inside
from pytest_schemaguard.project.tasks import telling
from pytest_schemaguard.project.tasks.request import ask as request_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LISTENER = """\
import socket, sys, time
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
one = socket.create_server((sys.argv[1], int(sys.argv[2])), family=family)
print("listening at", one.getsockname()[1], flush=True)
time.sleep(60)
"""


def ask(root: Path, **request: Any) -> Any:
    return request_task.run(
        {"request": request, "attempts": [{"kind": "existing"}], "root": str(root)}
    )


def complaint(root: Path, **request: Any) -> ProjectError:
    with pytest.raises(ProjectError) as caught:
        ask(root, **request)
    return caught.value


def test_command_that_listens_on_another_port_is_told_where(write: Callable[..., Path]) -> None:
    root = write({"web.py": LISTENER})
    error = complaint(root, serve=["python", "web.py", "127.0.0.1", "0", "{port}"], timeout_s=1.5)
    port = (error.detail or "").removeprefix("listening at ")
    assert re.fullmatch(
        rf"nothing listens on 127\.0\.0\.1:\d+ after 1\.5 s; it listens on 127\.0\.0\.1:{port}",
        error.fact,
    )
    assert error.fix == (
        "the command must listen on the port that {port} stands for; `timeout-s` is how long it "
        "may take"
    )


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback")
def test_command_that_listens_on_ipv6_alone_is_told_so(write: Callable[..., Path]) -> None:
    root = write({"web.py": LISTENER})
    error = complaint(root, serve=["python", "web.py", "::1", "{port}"], timeout_s=1.5)
    assert re.fullmatch(
        r"nothing listens on 127\.0\.0\.1:(\d+) after 1\.5 s; it listens on \[::1\]:\1", error.fact
    )
    assert error.fix == (
        "the command must listen on 127.0.0.1, such as by `--host 127.0.0.1`; `timeout-s` is how "
        "long it may take"
    )


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What a terminal would see; a tenth of a second stands for ten."""
    said: list[str] = []
    nowhere = Address(host="/nowhere", port=1, user="u", password="p", database="d")
    monkeypatch.setattr(inside, "_here", [])
    monkeypatch.setattr(telling, "TELL_EVERY_S", 0.1)
    inside.enter(
        inside.Inside(
            address=nowhere, root=tmp_path, folder=tmp_path, ports=(0,), tell=said.append, ask=bool
        )
    )
    return said


SLOW = """\
import time
time.sleep(0.5)
def app(environ, start_response):
    time.sleep(0.3)
    start_response("200 OK", [])
    return []
"""


def test_slow_import_and_slow_answer_say_how_long_they_take(
    write: Callable[..., Path], told: list[str]
) -> None:
    ask(write({"web.py": SLOW}), app="web:app")
    assert told[0] == "starting web:app"
    assert told[1].startswith("starting web:app ... ")
    assert "logging in as an existing row" in told
    assert told[-1].startswith("logging in as an existing row ... ")
    assert len(told) > 5


def test_command_that_starts_slowly_says_how_long_it_takes(
    write: Callable[..., Path], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write({"web.py": "import time\ntime.sleep(60)\n"})
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        monkeypatch.setattr(
            "pytest_schemaguard.project.tasks.request.serving._port", lambda: one.getsockname()[1]
        )
        complaint(root, serve=["python", "web.py", "{port}"], timeout_s=0.5)
    assert told[0] == "starting python web.py {port}"
    assert told[1].startswith("starting python web.py {port} ... ")
    after = len(told)
    time.sleep(0.3)
    assert len(told) == after
