"""What the namespace covers in the file system, and what a project may do nevertheless."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard import namespaces
from pytest_schemaguard.address import Address
from pytest_schemaguard.project.process import FENCES
from pytest_schemaguard.wire.wire import Wire
from tests.project.test_fence import SENTENCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.project import Project
    from tests.project.conftest import Server

    Make = Callable[..., Project]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's namespaces")

READ = """
from pathlib import Path

def run(arguments):
    answers = {}
    for name in arguments["paths"]:
        path = Path(name)
        try:
            answers[name] = "folder" if path.is_dir() else path.read_text()
        except OSError as error:
            answers[name] = type(error).__name__
    return answers
"""


@pytest.fixture
def in_tmp() -> Iterator[Callable[[int], Path]]:
    """Names in /tmp as a PostgreSQL's socket has them; what is there is removed after the test."""
    made: list[Path] = []

    def path(number: int) -> Path:
        made.append(Path(namespaces.DEFAULT) / f".s.PGSQL.{os.getpid()}{number}")
        return made[-1]

    yield path
    for one in made:
        if one.is_dir() and not one.is_symlink():
            one.rmdir()
        else:
            one.unlink(missing_ok=True)


def test_nothing_but_sockets_is_covered_and_no_link_leads_to_what_is_not_one(
    project: Make, place: Path, in_tmp: Callable[[int], Path]
) -> None:
    model = place / "root" / "model.py"
    model.write_text("the model")
    folder = place / "root" / "inside"
    listening = socket.socket(socket.AF_UNIX)
    real = in_tmp(0)
    listening.bind(str(real))
    in_tmp(1).symlink_to(model)
    in_tmp(2).symlink_to(folder)
    in_tmp(3).symlink_to("/etc")
    in_tmp(4).symlink_to(place / "nothing")
    (written := in_tmp(5)).write_text("a file")
    (made := in_tmp(6)).mkdir()
    (chain := in_tmp(7)).symlink_to(in_tmp(1))
    os.link(model, hard := in_tmp(8))
    in_tmp(9).symlink_to(real)
    own = place / "root" / "own.sock"
    in_tmp(10).symlink_to(own)
    one = project(READ, fences=("namespace",))
    paths = [str(path) for path in (model, folder, "/etc", written, made, chain, hard, own, real)]
    with listening, socket.socket(socket.AF_UNIX) as other:
        other.bind(str(own))
        answers = one.call("inside.task", {"paths": paths}, timeout_s=30)
    assert one.fence == SENTENCES["namespace"]
    *others, covered = answers.values()
    assert others == [
        "the model",
        "folder",
        "folder",
        "a file",
        "folder",
        "the model",
        "the model",
        "OSError",  # a socket is not read
    ]
    assert covered == ""  # the null device stands there


def test_project_sees_nothing_of_the_runs_folder_but_its_own_and_the_wires_socket(
    project: Make, place: Path
) -> None:
    covered = place / "folder"
    own, other, server = covered / "own", covered / "other", covered / "server"
    for one in (own, other, server):
        one.mkdir()
    (covered / "server.json").write_text("a password")
    (server / "data").mkdir()
    code = """
import os, socket
from pathlib import Path

def run(arguments):
    covered = Path(arguments["covered"])
    (covered / "own" / "written").write_text("here")
    with socket.socket(socket.AF_UNIX) as one:
        try:
            one.connect(str(covered / "wire" / ".s.PGSQL.1"))
            reached = True
        except OSError as error:
            reached = str(error)
    return [sorted(str(path.relative_to(covered)) for path in covered.rglob("*")), reached]
"""
    address = Address(host=str(server), port=5432, user="u", password="p", database="d")
    (covered / "wire").mkdir()
    wire = Wire(covered / "wire")
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as keeper:
        listening.bind(str(server / ".s.PGSQL.5432"))
        listening.listen()
        keeper.bind(str(covered / "keeper"))
        keeper.listen()
        one_project = project(
            code,
            folder=own,
            covered=covered,
            address=lambda: wire.listen(address),
            fences=("namespace",),
        )
        arguments = {"covered": str(covered)}
        seen, reached = one_project.call("inside.task", arguments, timeout_s=30)
    wire.close()
    assert reached is True
    own_files = [path for path in seen if path.startswith("own/")]
    assert set(seen) - set(own_files) == {"own", "wire", "wire/.s.PGSQL.1"}
    assert (own / "written").read_text() == "here"
    assert (covered / "server.json").read_text() == "a password"


UNCOVER = """
import ctypes, os, subprocess, sys
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
TRY = (
    "import ctypes, sys; libc = ctypes.CDLL(None); "
    "print([libc.umount2(path.encode(), 2) for path in sys.argv[1:]], libc.unshare(0x10020000), "
    "[libc.umount2(path.encode(), 2) for path in sys.argv[1:]])"
)

def capabilities(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1], 16) for line in lines if line[:3] == "Cap"}

def run(arguments):
    paths = arguments["paths"]
    tried = [LIBC.umount2(path.encode(), 2) for path in paths]
    by_command = subprocess.check_output([sys.executable, "-c", TRY, *paths], text=True)
    status = ["grep", "-h", "^CapPrm", "/proc/self/status"]
    parent = os.getppid()
    try:
        seen = len(Path(f"/proc/{parent}/environ").read_bytes())
    except OSError as error:
        seen = type(error).__name__
    return {
        "tried": tried,
        "by command": by_command.split("]")[0] + "]",
        "in another user namespace": by_command.rpartition(" [")[2].strip(),
        "still": [Path(path).read_text() for path in paths],
        "mine": capabilities("self"),
        "a command's": subprocess.check_output(status, text=True).split()[1],
        "the warden's environment": seen,
    }
"""


@pytest.mark.parametrize("user", ["as we are", "nobody", "root without CAP_SYS_ADMIN"])
def test_what_is_covered_stays_covered_and_the_warden_is_closed(
    place: Path, in_tmp: Callable[[int], Path], user: str, guarded: Server
) -> None:
    from tests.project.test_fence import drive

    (place / "root" / "inside" / "attempts.py").write_text(UNCOVER)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path := in_tmp(0)))
        path.chmod(0o777)
        answer = drive(
            place,
            user,
            address=guarded.by_socket,
            fences=["namespace"],
            calls=[{"paths": [str(path)]}],
        )
    (found,) = answer["answers"]
    assert answer["fence"] == SENTENCES["namespace"]
    assert found["tried"] == [-1]
    assert found["by command"] == "[-1]"
    assert found["in another user namespace"].startswith("-1")
    assert found["still"] == [""]
    mine = found["mine"]
    assert mine["CapEff"] == mine["CapPrm"]
    assert mine["CapInh"] == mine["CapAmb"] == 0
    # chown, dac_override, fowner, fsetid, kill, setgid, setuid, net_bind_service, audit_write
    files_and_users = {0, 1, 3, 4, 5, 6, 7, 10, 29}
    kept = {number for number in range(64) if mine["CapPrm"] >> number & 1}
    assert kept == (files_and_users if user != "nobody" and os.getuid() == 0 else set())
    assert int(found["a command's"], 16) == found["mine"]["CapPrm"]
    assert found["the warden's environment"] == "PermissionError"


WORKS = """
import asyncio, multiprocessing, os, subprocess, sys, tempfile, threading
from concurrent.futures import ProcessPoolExecutor

from pytest_schemaguard.project.child import inside

def double(number):
    return 2 * number

def run(arguments):
    with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryDirectory() as folder:
        open(os.path.join(folder, "x"), "w").close()
        answers = [file.name.startswith(os.environ["TMPDIR"])]
    for way in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(way)
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            answers.append(list(pool.map(double, [1, 2])))
    with multiprocessing.Manager() as manager:
        shared = manager.dict(a=1)
        answers.append(shared["a"])
    url = inside.here().address.url()
    answers.append(subprocess.check_output(["psql", "-XAtc", "SELECT 1", url], text=True).strip())
    answers.append(subprocess.run("id && echo x > /dev/null", shell=True, check=True).returncode)

    async def command():
        started = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(1)", stdout=-1)
        return (await started.communicate())[0]

    answers.append(asyncio.run(command()).decode().strip())
    if os.getuid() == 0:
        other = ["setpriv", "--reuid=65534", "--clear-groups", "id", "-u"]
        answers.append(subprocess.check_output(other, text=True).strip())
    return answers
"""


@pytest.mark.parametrize("fence", FENCES)
@pytest.mark.parametrize("way", ["by_socket", "by_tcp"])
def test_processes_pools_temporary_files_and_commands_work_in_each_fence(
    guarded: Server, project: Make, fence: str, way: str
) -> None:
    one = project(WORKS, name="works", fences=(fence,), address=getattr(guarded, way))
    answers = one.call("inside.works", {}, timeout_s=60)
    assert one.fence == SENTENCES[fence]
    expected: list[Any] = [True, [2, 4], [2, 4], [2, 4], 1, "1", 0, "1"]
    assert answers == (expected if os.getuid() else [*expected, "65534"])
    assert one.refused() == []
