from __future__ import annotations

import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.failure import words
from tests.project.conftest import failing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.config import Config
    from pytest_schemaguard.project import Project

    Make = Callable[..., Project]


def test_error_of_a_task_arrives_as_it_is(project: Make) -> None:
    one = project(
        "from pytest_schemaguard.errors import ProjectError\n"
        "def run(arguments):\n"
        "    raise ProjectError('s', 'f', fix='x', detail='d', path='p.py', line=3)\n"
    )
    with pytest.raises(ProjectError) as failure:
        one.call("inside.task", {}, timeout_s=30)
    assert str(failure.value) == "p.py:3: s: f\n    d\n  next: x"


def test_exception_names_the_projects_own_line(project: Make, config: Config) -> None:
    (config.root / "app.py").write_text("import json\n\ndef load():\n    json.loads('{')\n")
    one = project("import app\ndef run(arguments):\n    print('on the way')\n    app.load()\n")
    text = failing(one)
    assert text.startswith("app.py:4: models app:Base: json.decoder.JSONDecodeError: Expecting ")
    assert 'inside/task.py", line 4, in run' in text
    assert "json/decoder.py" not in text
    assert "its output ends:\n    on the way" in text
    add_fine(config)
    assert one.call("inside.fine", {}, timeout_s=30) == 1


def add_fine(config: Config) -> None:
    (config.root / "inside" / "fine.py").write_text("def run(arguments): return 1")


def test_cause_within_the_project_is_found_behind_a_library(tmp_path: Path) -> None:
    own: dict[str, Any] = {}
    exec(compile("\n\ndef work(): {}['APP_SECRET']", tmp_path / "app.py", "exec"), own)  # noqa: S102 - code with a place of its own

    def library() -> None:
        try:
            own["work"]()
        except KeyError as error:
            raise RuntimeError("could not load") from error

    with pytest.raises(RuntimeError) as failure:
        library()
    error = words(failure.value, subject="models app:Base", root=tmp_path)
    assert (error.path, error.line) == ("app.py", 3)
    assert error.fact == "RuntimeError: could not load"
    assert error.fix is not None
    assert error.fix.startswith("mend it there")


def test_missing_variable_is_said_to_belong_into_env(project: Make) -> None:
    text = failing(project("import os\ndef run(arguments): os.environ['APP_SECRET']"))
    assert text.startswith("inside/task.py:2: models app:Base: KeyError: 'APP_SECRET'\n")
    assert "next: if 'APP_SECRET' is an environment variable, set it in `env`" in text


def test_syntax_error_is_placed(project: Make, config: Config) -> None:
    (config.root / "app.py").write_text("x = 1\ndef (:\n")
    text = failing(project("def run(arguments):\n    import app\n"))
    assert text.startswith("app.py:2: models app:Base: SyntaxError: invalid syntax\n")


def test_answer_that_is_no_json_is_refused(project: Make) -> None:
    text = failing(project("def run(arguments): return object()"))
    assert "models app:Base: TypeError: Object of type object is not JSON serializable" in text


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "import sys\ndef run(arguments):\n    sys.exit(3)",
            "inside/task.py:3: models app:Base: it called sys.exit(3)\n",
        ),
        (
            "import os\ndef run(arguments):\n    print('leaving')\n    os._exit(3)",
            (
                "models app:Base: its process ended with exit code 3 before it answered\n"
                "    its output ends:\n"
                "    leaving\n"
                "  next: look for os._exit"
            ),
        ),
        (
            "import os\ndef run(arguments):\n    os._exit(0)",
            "models app:Base: its process ended with exit code 0 before it answered\n",
        ),
        (
            "import os\ndef run(arguments):\n    os.kill(os.getpid(), 9)",
            (
                "models app:Base: its process was killed by SIGKILL before it answered\n"
                "  next: look for the out-of-memory killer"
            ),
        ),
        (
            "import os\ndef run(arguments):\n    os.killpg(0, 15)",
            "models app:Base: its process was killed by SIGTERM before it answered\n",
        ),
        (
            "import ctypes\ndef run(arguments):\n    ctypes.string_at(0)",
            (
                "inside/task.py:3: models app:Base: its process was killed by SIGSEGV before it "
                "answered\n"
            ),
        ),
        (
            "import os, time\ndef run(arguments):\n    os.closerange(3, 256)\n    time.sleep(60)",
            "models app:Base: it closed the guard's channel and answers no more\n",
        ),
    ],
)
def test_end_of_the_process_is_said_and_the_next_call_starts_another(
    project: Make, config: Config, code: str, said: str
) -> None:
    one = project(code)
    assert failing(one).startswith(said)
    add_fine(config)
    assert one.call("inside.fine", {}, timeout_s=30) == 1


def test_project_that_signals_its_own_process_group_does_not_meet_the_warden(
    project: Make,
) -> None:
    one = project(
        "import os, signal\n"
        "def run(arguments):\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    os.killpg(0, signal.SIGTERM)\n"
        "    return os.getpid()\n"
    )
    first = one.call("inside.task", {}, timeout_s=30)
    assert one.call("inside.task", {}, timeout_s=30) == first


def test_library_that_is_not_installed_is_the_tasks_to_miss(project: Make) -> None:
    one = project("def run(arguments): return 1", preload=("no_such_library",))
    assert one.call("inside.task", {}, timeout_s=30) == 1


def test_garbage_in_the_channel_is_said(project: Make) -> None:
    one = project(
        "import os, stat\n"
        "def run(arguments):\n"
        "    for descriptor in range(3, 256):\n"
        "        try:\n"
        "            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):\n"
        "                os.write(descriptor, b'garbage\\n')\n"
        "        except OSError:\n"
        "            pass\n"
    )
    assert failing(one) == (
        "models app:Base: it wrote into the guard's own channel\n"
        "    b'garbage'\n"
        "  next: the code must not write to descriptors that it did not open"
    )


@pytest.mark.parametrize(
    "wait",
    [
        "time.sleep(600)",
        "re.match('(a*)*b', 'a' * 100)",  # holds the interpreter's lock
    ],
)
def test_task_that_does_not_end_is_ended_where_it_waits(
    project: Make, config: Config, wait: str
) -> None:
    one = project(f"import re, time\ndef run(arguments):\n    print('waiting')\n    {wait}\n")
    add_fine(config)
    one.call("inside.fine", {}, timeout_s=30)
    begun = time.monotonic()
    text = failing(one, timeout_s=0.5)
    assert time.monotonic() - begun < 5
    assert text.startswith("inside/task.py:4: models app:Base: it did not end within 0.5 s\n")
    assert (
        "    its output ends:\n    waiting\n    where it was, the innermost line first:\n" in text
    )
    assert "Fatal Python error" not in text


def test_line_where_it_waits_is_found_in_a_deep_stack_among_threads(project: Make) -> None:
    one = project(
        "import threading, time\n"
        "def down(n):\n"
        "    down(n - 1) if n else time.sleep(600)\n"
        "def run(arguments):\n"
        "    for _ in range(5):\n"
        "        threading.Thread(target=down, args=(50,), daemon=True).start()\n"
        "    time.sleep(0.1)\n"
        "    down(200)\n"
    )
    text = failing(one, timeout_s=1)
    assert text.startswith("inside/task.py:3: models app:Base: it did not end within 1 s\n")
    assert text.count("in down\n") == 12


def test_interrupted_call_leaves_no_answer_for_the_next(project: Make, config: Config) -> None:
    one = project("import time\ndef run(arguments):\n    time.sleep(1)\n    return 'late'")
    add_fine(config)
    one.call("inside.fine", {}, timeout_s=30)
    previous = signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            one.call("inside.task", {}, timeout_s=30)
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert one.call("inside.fine", {}, timeout_s=30) == 1


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_process_that_cannot_boot_shows_why(project: Make, config: Config) -> None:
    (config.root / "sitecustomize.py").write_text("import os\nprint('broken site')\nos._exit(9)")
    one = project(config=replace(config, env={"PYTHONPATH": "."}))
    with pytest.raises(ProjectError) as failure:
        _ = one.fence
    assert str(failure.value).startswith(
        "the project's process: its process ended with exit code 9 before it answered\n"
    )


def test_passwords_never_print(
    project: Make, nowhere: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTION_DATABASE_URL", "postgresql://admin:production-pw@db/app")
    monkeypatch.setenv("PGPASSWORD", "other-production-pw")
    one = project(
        "import os\n"
        "def run(arguments):\n"
        "    for name in ('url', 'a', 'b'):\n"
        "        print(os.environ['DATABASE_URL'], *arguments['words'])\n"
        "    raise ValueError(' '.join([os.environ['DATABASE_URL'], *arguments['words']]))\n"
    )
    secrets = ["production-pw", "other-production-pw", f"password={nowhere.password}"]
    text = failing(one, words=secrets) + one.stderr_tail() + repr(one)
    assert "ValueError" in text
    assert "***" in text
    for secret in (nowhere.password, "production-pw", "other-production-pw"):
        assert secret not in text
