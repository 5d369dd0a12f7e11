"""A bailiffd of a row's own in a network namespace of its own, and what the kernel there holds.

    with World(b, "bans") as world, Daemon(world, "jails: { sshd: }") as daemon:
        seconds = daemon.start()
        daemon.ctl("banip", "sshd", "203.0.113.5")
        assert world.holds(["203.0.113.5"])
"""
import ctypes, ipaddress, json, os, pathlib, re, select, shutil, signal, socket, struct, subprocess, sys, tempfile, time

from bench import ROOT, Skip

JOURNALD = "/lib/systemd/systemd-journald"
LIBC = ctypes.CDLL(None, use_errno=True)


def fail(text):
    sys.exit(f"\n{text}")


def until(condition, seconds, what, pause=0.01):
    """Wait for something; returns when it was seen (monotonic)."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            fail(f"waited {seconds} s in vain: {what}")
        time.sleep(pause)
    return time.monotonic()


# ---- a network namespace ----

NETLINK_NETFILTER, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETSETELEM, NLMSG_ERROR = 12, 10, 13, 2
NLM_F_REQUEST, NLM_F_ACK, NLA_F_NESTED = 1, 4, 0x8000
KEYS = 500      # asked for at once


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def nest(kind, value):
    return attribute(kind | NLA_F_NESTED, value)


class World:
    """A network namespace with nothing but a loopback. What runs in it is started with command()."""

    def __init__(self, b, name):
        self.bench, self.name, self.path = b, name, f"/run/netns/{name}"
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.run("ip", "link", "set", "lo", "up")
        self.netlink = self.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.netlink.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)    # SO_RCVBUFFORCE
        self.netlink.bind((0, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.netlink.close()
        subprocess.run(["ip", "netns", "delete", self.name], check=True)

    def command(self, *words):
        return ["nsenter", f"--net={self.path}", *map(str, words)]

    def run(self, *words, **options):
        """A program's output."""
        done = subprocess.run(self.command(*words), capture_output=True, **options)
        if done.returncode != 0:
            fail(f"{' '.join(map(str, words))[:200]}: exit status {done.returncode}\n{done.stderr.decode(errors='replace')[-2000:]}")
        return done.stdout.decode()

    def socket(self, *arguments):
        """A socket that belongs there."""
        here, there = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(self.path, os.O_RDONLY)
        try:
            if LIBC.setns(there, 0) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                return socket.socket(*arguments)
            finally:
                LIBC.setns(here, 0)
        finally:
            os.close(here)
            os.close(there)

    def clean(self):
        """No table is left; what held a million elements has returned them."""
        self.run("nft", "flush", "ruleset")

    # `nft get element` reads the whole set for one key, and a listing's time is quadratic: the kernel is asked by key.
    def count(self, table, set_name, keys):
        """How many of the keys (packed) stand in a set, up to the first that does not."""
        found = 0
        for at in range(0, len(keys), KEYS):
            some = keys[at:at + KEYS]
            elements = b"".join(nest(1, nest(1, attribute(1, key))) for key in some)
            body = struct.pack("!BBH", 1, 0, 0) + attribute(1, table.encode() + b"\0") + attribute(2, set_name.encode() + b"\0") + nest(3, elements)
            head = struct.pack("=IHHII", 16 + len(body), NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM, NLM_F_REQUEST | NLM_F_ACK, at, 0)
            self.netlink.send(head + body)
            answers, error = self.answers()
            found += answers
            if error or answers != len(some):
                break
        return found

    def answers(self):
        """Elements in the answer to one request, and its error."""
        n = 0
        while True:
            data = self.netlink.recv(1 << 20)
            while len(data) >= 16:
                size, kind = struct.unpack_from("=IH", data)
                if kind == NLMSG_ERROR:
                    return n, struct.unpack_from("=i", data, 16)[0]
                n += 1
                data = data[size + 3 & ~3:]

    def holds(self, addresses, narrow=True):
        """Whether bailiff's table bans all of them. narrow: an IPv6 address alone, as by hand; else its /64, as a filter does."""
        four = [socket.inet_aton(a) for a in addresses if ":" not in a]
        six = [socket.inet_pton(socket.AF_INET6, a) for a in addresses if ":" in a]
        if not narrow:
            six = [key[:8] + bytes(8) for key in six]
        return self.count("bailiff", "any4", four) == len(four) and self.count("bailiff", "any6" if narrow else "any6_64", six) == len(six)


class JournalWorld(World):
    """A World with a journald, whose journal is empty, in mounts of its own."""

    def __init__(self, b, name):
        self.mounts = "/proc/self/ns/mnt"
        super().__init__(b, name)
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=b.scratch))
        with open(self.directory / "journald.log", "wb") as log:
            # Each of them becomes the next, so the id is journald's, and that of the mounts.
            self.journald = subprocess.Popen(["unshare", "-m", ROOT / "tests/system/journal-world", self.directory, "volatile", JOURNALD],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        root, end = pathlib.Path(f"/proc/{self.journald.pid}/root"), time.monotonic() + 10
        # Before its mounts are its own, this is the bench's /run.
        while not self.has_journal(root):
            if self.journald.poll() is not None or time.monotonic() > end:
                self.__exit__()
                raise Skip(f"journald does not run here: {(self.directory / 'journald.log').read_text(errors='replace')[-300:]}")
            time.sleep(0.01)
        self.mounts = root.parent / "ns/mnt"
        return self

    @staticmethod
    def has_journal(root):
        try:
            return (root / "run/systemd/journal/socket").is_socket() and any((root / "run/log/journal").glob("*/system.journal"))
        except OSError:
            return False

    def __exit__(self, *_):
        if self.journald.poll() is None:
            self.journald.kill()
            self.journald.wait()
        shutil.rmtree(self.directory)
        super().__exit__()

    def command(self, *words):
        return ["nsenter", f"--mount={self.mounts}", f"--net={self.path}", *map(str, words)]


# ---- a process ----

def field(pid, file, name):
    """A number of /proc/PID/FILE that stands behind "NAME:"."""
    return int(re.search(rf"^{name}:\s*(\d+)", pathlib.Path(f"/proc/{pid}/{file}").read_text(), re.M)[1])


def memory(pid, name="RssAnon"):
    """Bytes."""
    return 1024 * field(pid, "status", name)


def threads(pid):
    return list(pathlib.Path(f"/proc/{pid}/task").iterdir())


def wakeups(pid):
    """How often its threads have gone to sleep, and so been woken."""
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", (task / "status").read_text(), re.M)[1]) for task in threads(pid))


def cpu_seconds(pid):
    """What its threads have run; to the nanosecond where the kernel tells."""
    try:
        return sum(int((task / "schedstat").read_text().split()[0]) for task in threads(pid)) / 1e9
    except FileNotFoundError:
        words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class Process:
    """A program in a world, which writes its errors into a log; ended by its own id."""

    def __init__(self, world, words, log, **options):
        self.log = log
        with open(log, "ab") as errors:
            # nsenter becomes the program, so the id is the program's.
            self.child = subprocess.Popen(world.command(*words), stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, **options)
        self.pid = self.child.pid

    def must_live(self):
        if self.child.poll() is not None:
            fail(f"it ended with status {self.child.returncode}:\n{self.log.read_text(errors='replace')[-2000:]}")

    def stop(self, number=signal.SIGTERM, good=(0,)):
        if self.child.poll() is None:
            self.child.send_signal(number)
        status = self.child.wait(timeout=120)
        if status not in good:
            fail(f"it ended with status {status}:\n{self.log.read_text(errors='replace')[-2000:]}")

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()


# ---- bailiffd ----

FILES = """firewall: nftables
max_windows: 10000000
defaults: {{ findtime: 1d, maxretry: 5, bantime: 30d }}
jails: {{ sshd: {{ sources: [files], logs: [{log}] }} }}
"""


class Daemon:
    """bailiffd with directories of its own. configuration: {log} in it is an empty log file, `self.lines`."""

    def __init__(self, world, configuration=FILES, state=None):
        self.world, self.process = world, None
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=world.bench.scratch))
        self.state, self.run, self.lines = state or self.directory / "state", self.directory / "run", self.directory / "auth.log"
        self.log, self.config = self.directory / "log", self.directory / "bailiff.yaml"
        self.lines.touch()
        self.config.write_text(configuration.format(log=self.lines))
        self.words = [world.bench.daemon, "--config", self.config, "--state-dir", self.state, "--runtime-dir", self.run]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
        shutil.rmtree(self.directory)

    def start(self):
        """Seconds until it is ready."""
        return self.start_and_see(lambda: True)[0]

    def start_and_see(self, seen, limit=300):
        """Seconds until it is ready, and until seen(), which is asked every few milliseconds."""
        path, ready, saw = self.directory / "notify", None, None
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            began = time.monotonic()
            self.process = Process(self.world, self.words, self.log, env={**os.environ, "NOTIFY_SOCKET": str(path)})
            while ready is None or saw is None:
                if select.select([notify], [], [], 0.005)[0] and b"READY=1" in notify.recv(4096):
                    ready = time.monotonic() - began
                if saw is None and seen():
                    saw = time.monotonic() - began
                self.process.must_live()
                if time.monotonic() > began + limit:
                    fail(f"{'bans were missing' if ready else 'bailiffd was not ready'} after {limit} s:\n{self.log.read_text(errors='replace')[-2000:]}")
        return ready, saw

    def stop(self):
        self.process.stop()
        self.process = None

    def restore_only(self):
        """Lays the table of what is remembered, and ends; seconds."""
        return self.world.bench.timed(self.world.command(*self.words, "--restore-only"))

    @property
    def pid(self):
        return self.process.pid

    def ctl(self, *words, **options):
        return self.world.run(self.world.bench.ctl, "--socket", self.run / "control.sock", *words, **options)

    def answer(self, *words):
        """What bailiffctl says, and be it that it cannot."""
        done = subprocess.run(self.world.command(self.world.bench.ctl, "--socket", self.run / "control.sock", *words), capture_output=True, text=True)
        return done.stdout + done.stderr

    def connect(self):
        control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        control.connect(str(self.run / "control.sock"))
        return control

    def status(self):
        return json.loads(self.ctl("status", "--json"))

    def settle(self):
        """Until all that it has read is on disk: a command is answered after what came before it."""
        self.ctl("banip", "sshd", "192.0.2.1")

    def ban_all(self, addresses):
        """By hand; returns when all are in the kernel and on disk. Seconds."""
        return self.ban_file(write_list(self.directory / "list", addresses))

    def ban_file(self, path):
        with open(path) as text:
            return self.world.bench.timed([self.world.bench.ctl, "--socket", self.run / "control.sock", "banip", "sshd", "-"], stdin=text)


def call(control, method, **parameters):
    """A varlink call without a program's start; its answer."""
    control.sendall(json.dumps({"method": f"io.bailiff.Manager.{method}", "parameters": parameters}).encode() + b"\0")
    answer = b""
    while not answer.endswith(b"\0"):
        answer += control.recv(1 << 16)
    answer = json.loads(answer[:-1])
    if "error" in answer:
        fail(f"{method}: {answer}")
    return answer["parameters"]


def append(path, text):
    """To a log, in one go; returns when that began."""
    began = time.monotonic()
    with open(path, "a") as file:
        file.write(text)
    return began


def write_list(path, addresses):
    path.write_text("".join(address + "\n" for address in addresses))
    return path


def some_of(addresses):
    """Every so many of a long list: to ask for a million takes as long as to ban them."""
    return addresses[::max(1, len(addresses) // 100_000)]


def nft_file(path, addresses):
    """The floor's sets with as many elements, as bailiff's are: with a timeout each, IPv4 and IPv6 apart."""
    with open(path, "w") as out:
        out.write("table inet floor {\n")
        for name, kind, some in (("any4", "ipv4_addr", [a for a in addresses if ":" not in a]), ("any6", "ipv6_addr", [a for a in addresses if ":" in a])):
            out.write(f"set {name} {{ type {kind}; flags timeout; elements = {{\n")
            out.write(",\n".join(f"{address} timeout 30d" for address in some))
            out.write("\n} }\n")
        out.write("}\n")
    return path


def nft_floor(world, path):
    """Seconds of `nft -f`; the table is removed again."""
    seconds = world.bench.timed(world.command("nft", "-f", path))
    world.clean()
    return seconds


# ---- a store with bans ----

def store_with_bans(b, count, addresses):
    """A state directory with so many bans, made once a run by bailiffd itself; where the row adds to it, it is the row's to copy."""
    path = b.scratch / f"state-{count}"
    if not path.exists():
        with World(b, "store") as world, Daemon(world) as daemon:
            daemon.start()
            daemon.ban_all(addresses)
            daemon.stop()
            shutil.copytree(daemon.state, path)
    return path
