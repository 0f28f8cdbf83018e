"""The image: what the Dockerfile says, what reaches the build, and a container of it, with and without an engine.

Without an engine its place is taken by the kernel's own parts (namespaces, a read-only root, a user without rights).
The Dockerfile's instructions are carried out as they stand, but for the download of the locked packages.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import sysconfig
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bots.service import GRACE

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "docs" / "examples"
HOST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HOST_FOLDERS = ("/usr", "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
TIERS = re.compile(r"^  (quick|standard|expert): \[.*\]$", re.MULTILINE)
TOOLS = ("unshare", "nsenter", "setpriv", "chroot", "mount")
NEVER = """.env .git/config .venv/x data/firstline.db tests/x.py docs/x.md secrets.yaml bots/.env bots/shop/.env.bak
bots/shop/data.db bots/shop/data.db-wal core/__pycache__/x.pyc channels/server.key"""
WANTED = "requirements.lock pyproject.toml config.yaml bots/shop/persona.md core/signals/_data/money.txt"

Instruction = tuple[str, str]


def instructions(text: str) -> list[Instruction]:
    """(name, argument) of each instruction, in order; comments dropped and continued lines joined."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines).splitlines()
    return [(name, rest.strip()) for name, _, rest in (line.strip().partition(" ") for line in joined) if name]


DOCKERFILE = instructions((ROOT / "Dockerfile").read_text("utf-8"))
LAST_STAGE = DOCKERFILE[max(n for n, (name, _) in enumerate(DOCKERFILE) if name == "FROM") :]


def last(name: str) -> str:
    """The argument of the instruction of that name which counts in the finished image."""
    return [argument for found, argument in LAST_STAGE if found == name][-1]


def exec_form(argument: str) -> list[str]:
    """A command as a JSON list; fails where it would be run by a shell."""
    command = json.loads(argument)
    assert isinstance(command, list)
    return [str(part) for part in command]


HEALTH = exec_form(last("HEALTHCHECK").partition("CMD ")[2])


def _regex(pattern: str) -> str:
    """The few signs .dockerignore of ours uses: ** for any folders, * within a name, [co] for one letter of these."""
    signs = {r"\*\*/": "(?:.*/)?", r"\*": "[^/]*", r"\[": "[", r"\]": "]"}
    made = re.escape(pattern)
    for sign, meaning in signs.items():
        made = made.replace(sign, meaning)
    return made


def ignored(path: str) -> bool:
    """What .dockerignore says of a path: the last pattern that fits it, or a folder it lies in, decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").split("\n"):
        pattern = line.strip().removeprefix("!")
        if not pattern or pattern.startswith("#"):
            continue
        if re.fullmatch(f"{_regex(pattern)}(?:/.*)?", path):
            out = not line.strip().startswith("!")
    return out


def context(folder: Path) -> Iterator[str]:
    """Every file below the folder that a build gets to see; no pattern takes back a part of an ignored folder."""
    for where, folders, files in os.walk(folder):
        inside = Path(where).relative_to(folder)
        folders[:] = [name for name in folders if not ignored((inside / name).as_posix())]
        yield from (path for name in files if not ignored(path := (inside / name).as_posix()))


# -- what the files say ----------------------------------------------------------------------------------------------


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_process_is_nobody_and_hears_signals_itself() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last("USER"))
    assert exec_form(last("ENTRYPOINT")) == ["firstline"]
    assert exec_form(last("CMD"))[0] == "run"
    assert not [argument for name, argument in LAST_STAGE if name == "STOPSIGNAL" and argument != "SIGTERM"]


def test_it_listens_to_everybody_on_the_port_it_exposes_and_checks() -> None:
    command = exec_form(last("CMD"))
    assert command[command.index("--host") + 1] == "0.0.0.0"
    assert command[command.index("--port") + 1] == last("EXPOSE") == "8080"
    assert "127.0.0.1', 8080" in HEALTH[-1]


def test_nothing_is_fetched_unchecked_and_no_secret_is_built_in() -> None:
    assert not [name for name, _ in DOCKERFILE if name == "ADD"]
    bases = [argument for name, argument in DOCKERFILE if name == "FROM"]
    assert all(re.fullmatch(r"python:3\.11-slim-\w+( AS \w+)?", base) for base in bases), "pinned by tag"
    installs = [argument for name, argument in DOCKERFILE if name == "RUN" and "-m pip " in argument]
    assert ["--require-hashes" in install for install in installs] == [True, False]
    assert "--no-deps --no-build-isolation" in installs[-1]
    said = " ".join(argument for name, argument in DOCKERFILE if name in {"ENV", "ARG", "LABEL"})
    assert not re.search(r"token|key|secret|password|passwd|auth|_sid", said, re.IGNORECASE)


def test_the_label_names_the_version_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f'org.opencontainers.image.version="{project["version"]}"' in last("LABEL")


def test_what_may_be_secret_and_what_is_not_needed_stays_out_of_the_build(tmp_path: Path) -> None:
    for name in (*NEVER.split(), *WANTED.split()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert sorted(context(tmp_path)) == sorted(WANTED.split())


# -- what the examples say -------------------------------------------------------------------------------------------


def test_the_compose_file_fits_the_image_and_leaves_it_nothing_to_write_to_but_its_data() -> None:
    tree = YAML(typ="safe").load((EXAMPLES / "compose.yaml").read_text("utf-8"))
    service = tree["services"]["firstline"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"] == [f"data:{last('VOLUME')}"]
    assert service["ports"] == [f"127.0.0.1:8080:{last('EXPOSE')}"]
    assert int(service["stop_grace_period"].removesuffix("s")) > GRACE
    assert "test" not in service["healthcheck"], "the image's own stays in force"


def test_systemd_understands_the_unit_which_gives_answers_their_time(tmp_path: Path) -> None:
    text = (EXAMPLES / "firstline.service").read_text("utf-8")
    assert int(text.partition("TimeoutStopSec=")[2].split()[0]) > GRACE
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    unit = tmp_path / "firstline.service"
    unit.write_text(text.replace("/opt/firstline/bin/firstline", "/bin/true"), "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# -- a container without an engine -----------------------------------------------------------------------------------

ENTER = """set -e
mount --bind "$1" "$1"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
while read -r folder; do
  mkdir -p "$1$folder"; mount --rbind "$folder" "$1$folder"; mount -o remount,bind,ro "$1$folder"
done < "$2"
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
"""
SEAL = """mount --bind "$3/data" "$1/app/data"
mount --bind "$3/config.yaml" "$1/app/config.yaml"
mount --bind "$3/models.yaml" "$1/app/models.yaml"
"$4" "$3/model.py" "$3"
mount -o remount,bind,ro "$1"
"""
RUN = 'shift "$5"; exec chroot "$@"\n'

MODEL = '''"""A model that begins an answer, then waits until it is told to go on."""
import fcntl, http.server, json, os, pathlib, socket, struct, sys, time
folder = pathlib.Path(sys.argv[1])
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh22x", b"lo", 0x41))  # this network's loopback, up

class Model(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer("application/json", b'{"data": [{"id": "slow"}]}')
    def do_POST(self):
        self.answer("text/event-stream", b"")
        self.say({"delta": {"content": "It left our warehouse this morning. "}})
        (folder / "begun").touch()
        while not (folder / "go").exists():
            time.sleep(0.02)
        self.say({"delta": {"content": "It is with you by Friday."}, "finish_reason": "stop"})
        self.wfile.write(b"data: [DONE]\\n\\n")
    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)
    def say(self, choice):
        self.wfile.write(b"data: %s\\n\\n" % json.dumps({"choices": [{"index": 0, **choice}]}).encode())
        self.wfile.flush()
    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 9000), Model)
if os.fork() == 0:
    os.closerange(0, 3)
    server.serve_forever()
'''
ASK = """import http.client as h, json
c = h.HTTPConnection("127.0.0.1", 8080, timeout=5)
c.request("GET", "/"); r = c.getresponse(); r.read()
cookie = r.getheader("Set-Cookie").partition(";")[0]
said = {"id": "question-1", "text": "where is parcel KK-7"}
c.request("POST", "/chat/messages", json.dumps(said), {"Cookie": cookie})
raise SystemExit(c.getresponse().status != 202)
"""


@dataclass(frozen=True)
class Image:
    """A folder that holds what the image holds, below the host's own /usr; `cell` are the files a container mounts."""

    root: Path
    cell: Path

    @property
    def env(self) -> dict[str, str]:
        """What ENV leaves a process with."""
        made = {"PATH": HOST_PATH, "HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}
        for name, value in (pair.split("=", 1) for pair in shlex.split(last("ENV"))):
            made[name] = value.replace(f"${name}", made.get(name, ""))
        return made

    def as_user(self, command: Sequence[str]) -> list[str]:
        """The command with the image's user, folder and environment, and no right that root has."""
        user, group = last("USER").split(":")
        pairs = [f"{name}={value}" for name, value in self.env.items()]
        rights = ("--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")
        become = ("setpriv", f"--reuid={user}", f"--regid={group}", *rights)
        return [*become, "env", "-i", f"--chdir={last('WORKDIR')}", *pairs, *command]

    def inside(self, script: str, command: Sequence[str]) -> list[str]:
        """The command as the first process of a machine of its own, whose root is the image."""
        apart = ("unshare", "--mount", "--propagation=private", "--pid", "--net", "--fork", "--kill-child")
        given = (str(self.root), str(self.cell / "folders"), str(self.cell), sys.executable, "5", str(self.root))
        return [*apart, "sh", "-c", ENTER + script + RUN, "sh", *given, *command]


def build(image: Image) -> None:
    """Carry the Dockerfile out, both stages into one folder; the packages come from this environment."""
    lay_out(image)
    seen, here = list(context(ROOT)), Path("/")
    for name, argument in DOCKERFILE:
        if name == "WORKDIR":
            here = here / argument
            (image.root / here.relative_to("/")).mkdir(parents=True, exist_ok=True)
        elif name == "COPY" and not argument.startswith("--from="):
            *sources, target = argument.split()
            copy(sources, seen, image.root / (here / target).relative_to("/"))
        elif name == "RUN" and "--require-hashes" in argument:
            packages = next(image.root.glob("opt/firstline/lib/python*/site-packages"))
            (packages / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
        elif name == "RUN":
            env = (f"PATH=/image:{HOST_PATH}", "PIP_NO_INDEX=1", "PIP_IGNORE_INSTALLED=1")
            command = image.inside("", ["env", "-i", f"--chdir={here}", *env, "sh", "-c", argument])
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, f"{argument}\n{done.stderr}"


def lay_out(image: Image) -> None:
    """Folders for what the host lends: its programs, this Python and this environment."""
    lent = [*HOST_FOLDERS, *(f for f in (sys.base_prefix, sys.prefix) if not f.startswith("/usr"))]
    real = [folder for folder in dict.fromkeys(lent) if Path(folder).is_dir() and not Path(folder).is_symlink()]
    for folder in (*real, "/dev", "/proc", "/tmp", "/image"):
        (image.root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
    for folder in HOST_FOLDERS:
        if Path(folder).is_symlink():
            (image.root / folder.lstrip("/")).symlink_to(Path(folder).readlink())
    (image.cell / "folders").write_text("".join(f"{folder}\n" for folder in real), "utf-8")
    python = image.root / "image" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', "utf-8")
    python.chmod(0o755)


def copy(sources: Sequence[str], seen: Sequence[str], target: Path) -> None:
    """COPY: files by name, folders by what is in them; fails where the build does not get to see a source."""
    for source in sources:
        if source.endswith("/"):
            found = {path: target / path.removeprefix(source) for path in seen if path.startswith(source)}
        else:
            found = {path: target / path for path in seen if path == source}
        assert found, f"{source} is kept out by .dockerignore"
        for path, place in found.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, place)


def configure(cell: Path) -> None:
    """A shop that asks the slow model, and a report that is due some day: firstline then writes all it ever writes."""
    text, count = TIERS.subn(r"  \1: [slow/slow]", (ROOT / "config.yaml").read_text("utf-8"))
    slow = "  slow: {uses: openai_chat, url: http://127.0.0.1:9000/v1}\n"
    text = text.replace("  offline: {}\n", f"  offline: {{}}\n{slow}", 1)
    assert count == 3
    (cell / "config.yaml").write_text(text.replace("send: operators.chat", "send: web:somebody"), "utf-8")
    (cell / "models.yaml").write_text(
        (ROOT / "models.yaml").read_text("utf-8") + "slow/slow: {price: free, pinned: no}\n", "utf-8"
    )
    (cell / "model.py").write_text(MODEL, "utf-8")


def until(done: Callable[[], object], what: str, seconds: float = 20) -> None:
    """Return once it is so; the time is a safety net."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.05)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        pytest.skip(f"no {', '.join(missing)} here")
    tried = subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"this user may not make namespaces: {tried.stderr.strip()}")
    made = Image(tmp_path / "root", tmp_path / "cell")
    made.root.mkdir()
    made.cell.mkdir()
    tmp_path.chmod(0o755)
    build(made)
    configure(made.cell)
    (made.cell / "data").mkdir()
    shutil.copystat(made.root / "app" / "data", made.cell / "data")
    owner = (made.root / "app" / "data").stat()
    os.chown(made.cell / "data", owner.st_uid, owner.st_gid)
    return made


@pytest.mark.timeout(120)
def test_a_container_with_a_read_only_root_gets_ready_drains_at_sigterm_and_ends_with_0(image: Image) -> None:
    command = image.inside(SEAL, image.as_user([*exec_form(last("ENTRYPOINT")), *exec_form(last("CMD"))]))
    log = image.cell / "log"
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as outer:
        try:
            drained(image, outer, log)
        finally:
            outer.kill()
    kept = {path.name for path in (image.cell / "data").iterdir()}
    assert "firstline.db" in kept
    said = log.read_text("utf-8")
    assert not re.search(r'"level": "(error|critical)"|Traceback|Errno|Read-only|denied', said), said


def drained(image: Image, outer: subprocess.Popen[bytes], log: Path) -> None:
    """Ready, asked, stopped in the middle of the answer: the answer is finished and kept, the exit status is 0."""
    first = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    until(lambda: outer.poll() is not None or first.read_text(), "a first process")

    def within(command: Sequence[str]) -> int:
        assert outer.poll() is None, log.read_text("utf-8")
        enter = ("nsenter", "--target", first.read_text().strip(), "--mount", "--net", "--pid", "--root")
        return subprocess.run([*enter, *image.as_user(command)], capture_output=True, timeout=15).returncode

    until(lambda: within(HEALTH) == 0, "healthy")
    assert within(["touch", "/app/x"]) == within(["touch", "/opt/x"]) == within(["touch", "/x"]) == 1
    assert within(["python", "-c", ASK]) == 0
    until((image.cell / "begun").exists, "an answer begun")
    os.kill(int(first.read_text()), signal.SIGTERM)
    until(lambda: within(HEALTH) == 1, "not ready any more")
    (image.cell / "go").touch()
    assert outer.wait(10) == 0, log.read_text("utf-8")
    with closing(sqlite3.connect(image.cell / "data" / "firstline.db")) as db:
        assert db.execute("select state, count(*) from inbox group by state").fetchall() == [("settled", 1)]
        assert db.execute("select outcome from ledger").fetchall() == [("answered",)]


# -- a container by an engine ----------------------------------------------------------------------------------------


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.timeout(900)
def test_an_engine_builds_it_runs_it_read_only_and_stops_it_with_0() -> None:
    if not shutil.which("docker") or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("no Docker engine answers here")
    name = f"firstline-test-{os.getpid()}"
    docker("build", "--tag", name, str(ROOT))
    try:
        sealed = shlex.split("--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges --user")
        docker("run", "--detach", "--name", name, *sealed, last("USER"), name)
        until(lambda: docker("inspect", "--format", "{{.State.Health.Status}}", name) == "healthy", "healthy", 120)
        docker("stop", name)
        assert docker("inspect", "--format", "{{.State.ExitCode}}", name) == "0", docker("logs", name)
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True)
        subprocess.run(["docker", "rmi", "--force", name], capture_output=True)
