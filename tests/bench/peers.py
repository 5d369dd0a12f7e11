"""The peers, unpacked or built and never installed. fail2ban-regex; and the daemons, in a world of a row's own: started, and asked
what they have banned.

Each daemon reads `lines`, an empty log file, as bailiffd would: five failures in a day, banned for 30 days.
"""
import os, pathlib, re, shutil, socket, subprocess, tempfile, time

import daemon
from bench import Skip


def fail2ban_regex(b, source, lines):
    """Lines a second of a log or journal with so many of sshd's: its own figure, without its start."""
    environment = {**os.environ, "PYTHONPATH": b.peer("debian/usr/lib/python3/dist-packages")}
    text = subprocess.run(["/usr/bin/python3", b.peer("debian/usr/bin/fail2ban-regex"), "-c", b.peer("debian/etc/fail2ban"), source, "sshd"],
                          env=environment, capture_output=True, text=True).stdout
    found = re.search(r"Lines: (\d+) lines.*\[processed in ([\d.]+) sec", text, re.S)
    if not found or int(found[1]) != lines:
        raise Skip(f"fail2ban-regex did not read it: {text[-200:]}")
    return lines / float(found[2])


class Peer:
    """A peer's process. A way to fail that the row can live without is a Skip."""

    # Of its nftables sets: the table, that of IPv4 and that of IPv6.
    table, sets = None, ()

    def __init__(self, world):
        self.world, self.process = world, None
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=world.bench.scratch))
        self.lines, self.log = self.directory / "auth.log", self.directory / "log"
        self.lines.touch()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
        self.world.clean()
        shutil.rmtree(self.directory)

    def launch(self, words, **options):
        self.process = daemon.Process(self.world, words, self.log, **options)
        end = time.monotonic() + 30
        while not self.is_ready():
            if self.process.child.poll() is not None or time.monotonic() > end:
                raise Skip(f"it did not start: {self.log.read_text(errors='replace')[-300:]}")
            time.sleep(0.01)

    def asked(self, words, seconds=600, **options):
        """Its client, whose status is good if it has done what it was asked for."""
        return subprocess.run(self.world.command(*words), capture_output=True, timeout=seconds, **options).returncode == 0

    def holds(self, addresses):
        four = [socket.inet_aton(a) for a in addresses if ":" not in a]
        six = [socket.inet_pton(socket.AF_INET6, a) for a in addresses if ":" in a]
        return all(self.world.count(self.table, name, keys) == len(keys) for name, keys in zip(self.sets, (four, six)))

    def await_bans(self, addresses, seconds=120):
        """When the kernel held all of them; raises Skip."""
        end = time.monotonic() + seconds
        while not self.holds(addresses):
            if time.monotonic() > end:
                raise Skip(f"it had not banned all of {len(addresses)} in {seconds} s")
            time.sleep(0.01)
        return time.monotonic()


class Fail2ban(Peer):
    name, table, sets = "fail2ban-server", "f2b-table", ("addr-set-sshd", "addr6-set-sshd")

    def __init__(self, world, backend="pyinotify"):
        super().__init__(world)
        b = world.bench
        shutil.copytree(b.peer("debian/etc/fail2ban"), self.directory / "etc")
        self.environment = {**os.environ, "PYTHONPATH": b.peer("debian/usr/lib/python3/dist-packages")}
        self.client = ["/usr/bin/python3", b.peer("debian/usr/bin/fail2ban-client"), "-c", self.directory / "etc", "-s", self.directory / "socket"]
        (self.directory / "etc/fail2ban.local").write_text(
            f"[DEFAULT]\nlogtarget = {self.directory}/fail2ban.log\nsyslogsocket = auto\ndbfile = {self.directory}/fail2ban.sqlite3\n")
        (self.directory / "etc/jail.local").write_text(
            f"[DEFAULT]\nbanaction = nftables\nbackend = {backend}\nusedns = no\nmaxretry = 5\nfindtime = 1d\nbantime = 30d\n"
            f"[sshd]\nenabled = true\nlogpath = {self.lines}\n")

    def start(self):
        program = self.world.bench.peer("debian/usr/bin/fail2ban-server")
        self.launch(["/usr/bin/python3", program, "-f", "-x", "-c", self.directory / "etc", "-s", self.directory / "socket",
                     "-p", self.directory / "pid", "start"], env=self.environment)

    def is_ready(self):
        return self.asked([*self.client, "status", "sshd"], env=self.environment)

    def ban(self, addresses):
        if not self.asked([*self.client, "set", "sshd", "banip", *addresses], env=self.environment):
            raise Skip("its client failed")


class Fail2banRs(Peer):
    name, table, sets = "fail2ban-rs", "fail2ban-rs", ("f2b-sshd", "f2b-sshd-v6")

    def __init__(self, world):
        super().__init__(world)
        self.words = [world.bench.peer("cargo/bin/fail2ban-rs"), "--config", self.directory / "config.toml"]
        (self.directory / "config.toml").write_text(f"""[global]
state_file = "{self.directory}/state.bin"
socket_path = "{self.directory}/socket"
[jail.sshd]
log_path = "{self.lines}"
date_format = "syslog"
filter = ['sshd\\[\\d+\\]: Failed password for .* from <HOST> port \\d+']
port = ["22"]
protocol = "tcp"
max_retry = 5
find_time = "1d"
ban_time = "30d"
""")

    def start(self):
        self.launch([*self.words, "run"])

    def is_ready(self):
        return self.asked([*self.words, "status"])

    def ban(self, addresses):
        """Its client takes one address a call."""
        for address in addresses:
            if not self.asked([*self.words, "ban", address, "--jail", "sshd"]):
                raise Skip("its client failed")
