#!/usr/bin/env python3
"""What 706-report-seed asks of report-stub's log.

    report_seed.py exact DIR ADDRESS SECOND COMMENT    of ADDRESS came one report, one vote and one comment, word for word as they
                                                       have to be; SECOND is when the attack was (seconds since 1970)
    report_seed.py count DIR                           how many requests have come
    report_seed.py comment DIR ADDRESS                 the comment at AbuseIPDB
    report_seed.py secrets DIR                         exit status 1 if a request holds a line of standard input
    report_seed.py address SEED VERSION [ADDRESS...]   a global address that is none of these

The keys are in $ABUSEIPDB_KEY and $VIRUSTOTAL_KEY. What is wrong is printed; the exit status is then 1."""
import datetime
import ipaddress
import json
import os
import random
import re
import sys

sys.dont_write_bytecode = True
from report_world import read_requests  # noqa: E402

USER_AGENT = re.compile(r"bailiff/\d+(\.\d+)*")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")


def same(what, seen, expected):
    if seen != expected:
        sys.exit(f"{what}: {seen!r}, expected {expected!r}")


def of_address(state, address):
    """The requests that name an address."""
    return [line for line in read_requests(state) if line.get("params", {}).get("ip") == address or
            line["path"].replace("%3A", ":").split("/")[4:5] == [address]]


def headers(what, line, key_header, key, content_type):
    """All of them, by name; what is not expected is a fault."""
    seen = dict(line["headers"])
    same(f"{what}: key", seen.pop(key_header, None), key)
    same(f"{what}: Accept", seen.pop("accept", None), "application/json")
    same(f"{what}: Content-Type", seen.pop("content-type", None), content_type)
    agent = seen.pop("user-agent", "")
    if not USER_AGENT.fullmatch(agent):
        sys.exit(f"{what}: User-Agent: {agent!r}")
    same(f"{what}: further headers", sorted(seen), ["content-length", "host"])
    rest = json.dumps({**line, "headers": seen})
    for secret in (os.environ["ABUSEIPDB_KEY"], os.environ["VIRUSTOTAL_KEY"]):
        if secret in rest:
            sys.exit(f"{what}: a key stands outside of its header")
    same(f"{what}: status", line["status"], 200)


def exact(state, address, second, comment):
    lines = of_address(state, address)
    same(f"requests for {address}", sorted(line["endpoint"] for line in lines), ["comment", "report", "vote"])
    report, vote, said = (next(line for line in lines if line["endpoint"] == name) for name in ("report", "vote", "comment"))

    headers("report", report, "key", os.environ["ABUSEIPDB_KEY"], "application/x-www-form-urlencoded")
    same("report", (report["method"], report["path"]), ("POST", "/api/v2/report"))
    timestamp = report["params"].get("timestamp", "")
    same("form", report["params"], {"ip": address, "categories": "18,22", "comment": comment, "timestamp": timestamp})
    if not TIMESTAMP.fullmatch(timestamp):
        sys.exit(f"timestamp: {timestamp!r}")
    same("timestamp", int(datetime.datetime.fromisoformat(timestamp).timestamp()), int(second))

    for name, line, attributes in (("vote", vote, {"verdict": "malicious"}), ("comment", said, {"text": comment})):
        headers(name, line, "x-apikey", os.environ["VIRUSTOTAL_KEY"], "application/json")
        same(name, (line["method"], line["path"].replace("%3A", ":")), ("POST", f"/api/v3/ip_addresses/{address}/{name}s"))
        same(name, line["json"], {"data": {"type": name, "attributes": attributes}})
        same(f"{name}: fields in the URL", line["params"], {})


def secrets(state):
    with open(os.path.join(state, "requests.jsonl"), encoding="utf-8") as file:
        text = file.read()
    found = [word for word in sys.stdin.read().split("\n") if word and word in text]
    if found:
        sys.exit(f"in a request: {found}")


def address(seed, version, *not_these):
    chance = random.Random(int(seed))
    while True:
        if version == "4":
            one = ipaddress.ip_address(chance.randrange(11 << 24, 100 << 24))
        else:
            one = ipaddress.ip_address((0x2600 << 112) + chance.randrange(1 << 108))
        if one.is_global and str(one) not in not_these:
            return str(one)


def main(command, *words):
    if command == "exact":
        exact(*words)
    elif command == "count":
        print(len(read_requests(*words)))
    elif command == "comment":
        print(next(line["params"]["comment"] for line in of_address(*words) if line["endpoint"] == "report"))
    elif command == "secrets":
        secrets(*words)
    elif command == "address":
        print(address(*words))
    else:
        sys.exit(f"report_seed.py: no command {command}")


if __name__ == "__main__":
    main(*sys.argv[1:])
