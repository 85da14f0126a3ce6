"""`python -m sandbox demo` and `python -m sandbox up`, as a newcomer meets them in a terminal."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from sandbox.world import APP, eventually

pytestmark = pytest.mark.wire

READY_SECONDS = 60.0
STOP_SECONDS = 60.0
ACTS = 4
STEPS = 17


class Running:
    """`python -m sandbox up` in a folder of its own, and what it printed when it was ready."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.output = folder / "output"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sandbox", "up", *words],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(APP)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def printed(self) -> str:
        return self.output.read_text()

    def await_ready(self) -> None:
        eventually(lambda: "Ctrl-C ends it." in self.printed or self.process.poll() is not None, "the sandbox is ready")
        assert self.process.poll() is None, self.printed

    @property
    def curl_lines(self) -> list[str]:
        return re.findall(r"^  (curl .+)$", self.printed, re.MULTILINE)

    def line(self, *words: str) -> str:
        """The one printed curl line that holds all these words."""
        (found,) = [line for line in self.curl_lines if all(word in line for word in words)]
        return found

    @property
    def control(self) -> str:
        """Base URL of the remote control."""
        return shlex.split(self.line("/timer"))[-1].removesuffix("/timer")

    def stop(self) -> None:
        """As Ctrl-C does, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(STOP_SECONDS)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("up"))
    try:
        running.await_ready()
        paste(running.line("/api/reconcile?format=text"))
        yield running
    finally:
        running.stop()


def paste(line: str) -> str:
    """What a printed curl line answers, run by a shell as it stands; over requests where there is no curl."""
    if shutil.which("curl"):
        return subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True, timeout=60).stdout
    words = shlex.split(line)
    values = {word: words[at + 1] for at, word in enumerate(words[:-1])}
    headers = dict([values["-H"].split(": ", 1)]) if "-H" in values else {}
    (url,) = [word for word in words if word.startswith("http://")]
    method = values.get("-X", "GET")
    return requests.request(method, url, headers=headers, data=values.get("-d"), timeout=60).text


def tables(up: Running) -> dict[str, dict[str, str]]:
    """Table → prefix → next hop, as `/tables` prints them."""
    found: dict[str, dict[str, str]] = {}
    name = ""
    for line in paste(up.line("/tables")).splitlines():
        if line.startswith("  "):
            prefix, _, hop = line.split()
            found[name][prefix] = hop
        else:
            name = line
            found[name] = {}
    return found


def pods(up: Running) -> list[int]:
    """How many pod routes each table has."""
    return [sum(prefix.startswith("100.") for prefix in table) for table in tables(up).values()]


def children(process: int) -> set[int]:
    """Every process below this one."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found, new = set[int](), {process}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return found


def test_the_demo_plays_to_its_end_and_every_check_holds() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", "demo"], cwd=APP, capture_output=True, text=True, check=False, timeout=300
    )

    assert done.returncode == 0, done.stdout + done.stderr
    steps = re.split(r"^── \d+\. ", done.stdout, flags=re.MULTILINE)[1:]
    assert len(steps) == STEPS
    assert all("     ✓ " in step for step in steps)
    assert done.stdout.count("══ ") == ACTS
    assert "✗" not in done.stdout
    assert "Every check held" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr == ""


def test_up_prints_where_everything_is(up: Running) -> None:
    for word in (
        "functions host",
        "function key",
        "master key",
        "Event Grid key",
        "Resource Manager",
        "Kubernetes API",
    ):
        assert word in up.printed
    assert len(up.curl_lines) == 13
    for file in ("functions-host.log", "ca.pem", "kubeconfig"):
        assert (up.folder / ".sandbox" / "running" / file).exists()
        assert f".sandbox/running/{file}" in up.printed


def test_kubectl_reads_the_cluster_with_the_written_kubeconfig(up: Running) -> None:
    line = next(line for line in up.printed.splitlines() if "kubectl" in line).strip().removesuffix(" -w")
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")

    done = subprocess.run(["sh", "-c", line], cwd=up.folder, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    assert "node/aks-system-31415926-vmss000002" in done.stdout
    assert "ciliumnode.cilium.io/aks-system-31415926-vmss000002" in done.stdout


def test_the_lines_that_ask_the_app_work_as_they_are_printed(up: Running) -> None:
    assert paste(up.line("/api/plan?format=text")).startswith("shop-weu  udr  rt-apps: ")
    assert paste(up.line("/api/reconcile?format=text")).startswith("shop-weu  udr  rt-apps: ")
    assert '"trigger": "http"' in paste(up.line('"dryRun": true'))


def test_scaling_out_and_in_reaches_the_tables(up: Running) -> None:
    assert pods(up) == [8, 8]

    assert "2 node(s) of apps register in" in paste(up.line("/scale", "by=2"))
    eventually(lambda: pods(up) == [10, 10], "both tables route the new nodes")

    assert "2 node(s) of apps removed; the event is out" in paste(up.line("/scale", "by=-2"))
    eventually(lambda: pods(up) == [8, 8], "both tables have lost the routes of the two nodes")


def test_a_broken_route_shows_in_the_watch_and_is_repaired_by_the_timer(up: Running) -> None:
    paste(up.line("/api/reconcile?format=text"))
    url = shlex.split(up.line("/watch"))[-1]

    with requests.get(url, stream=True, timeout=60) as watch:
        lines = watch.iter_lines(chunk_size=1, decode_unicode=True)
        assert "rt-apps" in paste(up.line("/break"))
        broken = next(lines)
        paste(up.line("/timer"))
        repaired = next(lines)

    assert "-> 10.10.0.99" in broken
    assert "via 10.10.0.99 -> " in repaired


def test_nodes_that_vanish_keep_their_routes_until_a_person_says_so(up: Running) -> None:
    paste(up.line("/api/reconcile?format=text"))
    before = pods(up)

    assert "nodes vanished without an event" in paste(up.line("/vanish"))
    held = paste(up.line("/api/plan?format=text"))

    assert "[held: brake; Azure still has aks-" in held
    assert pods(up) == before


def test_a_fault_strikes_the_app_until_it_is_turned_off(up: Running) -> None:
    plan = up.line("/api/plan?format=text")

    assert "forbidden is on: The identity's role" in paste(f"curl -s -X POST '{up.control}/fault?name=forbidden'")
    assert "AuthorizationFailed" in paste(plan)
    listed = next(line for line in paste(up.line("/faults")).splitlines() if line.startswith("forbidden "))
    assert re.match(r"forbidden +on +struck +[1-9]", listed)
    assert "forbidden is off; it struck" in paste(f"curl -s -X POST '{up.control}/fault?name=forbidden&off=1'")
    assert "AuthorizationFailed" not in paste(plan)


def test_storage_can_be_taken_away_from_the_app(up: Running) -> None:
    paste(f"curl -s -X POST '{up.control}/fault?name=storage-down'")
    failed = paste(up.line("/api/reconcile?format=text"))
    paste(f"curl -s -X POST '{up.control}/fault?name=storage-down&off=1'")

    assert "the app's storage account could not be used" in failed
    assert "could not be used" not in paste(up.line("/api/reconcile?format=text"))


def test_the_printed_lines_turn_a_fault_on_and_off(up: Running) -> None:
    assert "throttled is on: The subscription is out of requests" in paste(up.line("/fault?", "times=3"))
    assert "throttled is off; it struck" in paste(up.line("/fault?", "off=1"))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/fault", "fault '': there are throttled, server-error"),
        ("/fault?name=nope", "fault 'nope': there are throttled, server-error"),
        ("/fault?name=nope&off=1", "fault 'nope': there are"),
        ("/fault?name=throttled&times=many", "times 'many': write a whole number"),
        ("/fault?name=throttled&chance=often", "chance 'often': write a number"),
        ("/fault?name=throttled&wait=1.5", "wait '1.5': write a whole number"),
        ("/fault?name=throttled&speed=2", "throttled has no option speed: there are chance, times, seconds, wait"),
        ("/scale?pool=nope", "pool 'nope': there are system, apps"),
        ("/scale?by=many", "by"),
        ("/break?table=nope", "table 'nope': there are rt-system, rt-apps"),
        ("/break?table=rt-apps&nextHop=banana", "nextHop"),
        ("/break?table=rt-apps&prefix=1.2.3.0/24", "prefix"),
        ("/vanish?fraction=half", "fraction"),
        ("/vanish?fraction=inf", "fraction"),
        ("/vanish?fraction=-1", "fraction"),
        ("/vanish?fraction=7", "fraction"),
    ],
)
def test_a_wrong_word_is_400_and_says_which(up: Running, path: str, says: str) -> None:
    before = tables(up)

    answer = requests.post(f"{up.control}{path}", timeout=30)

    assert answer.status_code == 400
    assert says in answer.text
    assert tables(up) == before


def test_ctrl_c_ends_it_cleanly_with_a_watch_open_and_leaves_no_process(up: Running) -> None:
    """The last test of these: it ends what the others use."""
    below = children(up.process.pid)
    assert len(below) >= 2  # Azurite and the functions host

    with requests.get(f"{up.control}/watch", stream=True, timeout=60):
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(STOP_SECONDS) == 0

    assert [process for process in below if Path(f"/proc/{process}").exists()] == []
    assert up.printed.rstrip().endswith("Stopping …"), up.printed[-2000:]


@pytest.mark.parametrize("words", [[], ["dmeo"], ["up", "down"]])
def test_an_unknown_command_is_told_the_known_ones(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", *words], cwd=APP, capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert "usage: python -m sandbox [-h] {demo,up}" in done.stderr


def test_nodes_peer_with_a_route_server_and_one_is_replaced(tmp_path: Path) -> None:
    up = Running(tmp_path, "--mode", "direct")
    try:
        up.await_ready()
        assert not [line for line in up.curl_lines if "/tables" in line or "/watch" in line]
        assert "8 nodes, with room for" in paste(up.line("/api/plan?format=text"))
        paste(up.line("/api/reconcile?format=text"))
        before = peers(up)
        assert len(before) == 3

        assert "the event is out" in paste(up.line("/replace"))
        eventually(lambda: len(before & peers(up)) == 2 and len(peers(up)) == 3, "one of the three was replaced")

        assert "1 node(s) of apps get the label" in paste(up.line("/label", "by=1"))
        paste(up.line("/timer"))
        eventually(lambda: len(peers(up)) == 4, "the fourth peers")
        answer = requests.post(f"{up.control}/replace?node=nope", timeout=30)
        assert (answer.status_code, "node 'nope': those with the label are" in answer.text) == (400, True)
    finally:
        up.stop()


def peers(up: Running) -> set[str]:
    """The addresses that `/peers` lists, each with at least one learned prefix below it."""
    lines = paste(up.line("/peers")).splitlines()
    return {
        line.split()[0] for line, below in pairwise(lines) if not line.startswith(" ") and below.startswith("  100.")
    }
