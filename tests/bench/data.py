"""Log lines for the rows, the same on every machine: from the filters' own test lines, with addresses of the whole world."""
import datetime, ipaddress, pathlib, random, re, subprocess

import yaml

import bench

SEED = 20261128
ADDRESS = re.compile(r"203\.0\.113\.\d+|2001:db8::[0-9a-f]+")
# What the floor takes for an address.
PATTERN = r"(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]{2,39}(?:%\w+)?)"


def filter_of(name):
    return yaml.safe_load((bench.ROOT / "filters" / f"{name}.yaml").read_text())


def templates(name):
    """Test lines of the mode "normal" with one address in them, and none with a name that somebody could look up."""
    lines = [t["line"] for t in filter_of(name)["tests"]
             if not {"mode", "params", "after"} & t.keys() and len(ADDRESS.findall(t["line"])) == 1
             and not re.search(r"example\.|192\.0\.2\.|message repeated", t["line"])]
    assert len(lines) > 10, name
    return lines


def addresses(count, rng):
    """Different global addresses, every tenth IPv6."""
    found = {}
    while len(found) < count:
        if len(found) % 10 == 9:
            address = ipaddress.IPv6Address(0x2a00 << 112 | rng.getrandbits(44) << 68 | rng.getrandbits(64))
        else:
            address = ipaddress.IPv4Address(rng.getrandbits(32))
        if address.is_global and not address.is_multicast:
            found[str(address)] = None
    return list(found)


def address_list(b, count):
    """As addresses(), the same every time; made once, since that takes long."""
    path = b.data / f"addresses-{count}"
    if not path.exists():
        new = path.with_suffix(".new")
        new.write_text("\n".join(addresses(count, random.Random(SEED))))
        new.rename(path)
    return path.read_text().split("\n")


def attack(attackers, failures, rng):
    """Lines of a log file of just now: so many wrong passwords of each, mixed; and the address whose ban is the last."""
    stamp = datetime.datetime.utcnow().strftime("%b %e %H:%M:%S")
    who = attackers * failures
    rng.shuffle(who)
    text = "".join(f"{stamp} host sshd[{rng.randrange(1000, 31000)}]: Failed password for root from {address} port "
                   f"{rng.randrange(1024, 65536)} ssh2\n" for address in who)
    return text, who[-1]


def sshd_messages(count, rng):
    """Half of them wrong passwords, the rest all that the filter's tests know."""
    kinds, who = templates("sshd"), addresses(max(50, count // 5), rng)
    for _ in range(count):
        address = rng.choice(who)
        if rng.random() < 0.5:
            yield f"Failed password for root from {address} port {rng.randrange(1024, 65536)} ssh2"
        else:
            yield ADDRESS.sub(address, rng.choice(kinds), count=1)


def sshd_log(b, count):
    """A file in syslog's form, of `count` lines over some hours; made once."""
    path = b.data / f"sshd-{count}.log"
    if not path.exists():
        rng, start = random.Random(SEED), datetime.datetime(2026, 11, 20, 6)
        new = path.with_suffix(".new")
        with open(new, "w") as out:
            for i, message in enumerate(sshd_messages(count, rng)):
                stamp = (start + datetime.timedelta(milliseconds=20 * i)).strftime("%b %e %H:%M:%S")
                out.write(f"{stamp} host sshd[{1000 + rng.randrange(30000)}]: {message}\n")
        new.rename(path)
    return path


def sshd_journal(b, count):
    """A directory with journal files of as many entries of sshd, all of the minute in which they were made; made once."""
    path = b.data / f"journal-{count}"
    if not path.exists():
        text = "".join(message + "\n" for message in sshd_messages(count, random.Random(SEED)))
        done = subprocess.run([bench.HERE / "journal-fill", path], input=text, capture_output=True, text=True)
        if done.returncode != 0:
            raise bench.Skip(f"no journal could be made: {done.stdout[-300:]}{done.stderr[-300:]}")
    return path


def sshd_patterns(b):
    """The regexes of the sshd filter's mode "normal", one a line, as plain PCRE2."""
    path = b.scratch / "patterns"
    rules = filter_of("sshd")["modes"]["normal"]
    used = [r["regex"].replace("<ADDR>", PATTERN) for r in rules if "nofail" in r.get("when", {}).get("publickey", "nofail")]
    path.write_text("".join(pattern + "\n" for pattern in used))
    return path
