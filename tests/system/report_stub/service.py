"""What the services remember of their users, and what they have in common: keys and quotas."""
import hashlib

from .request import Refused


class Memory:
    """What the services know of their users. `user` is a short name of a key."""

    def __init__(self):
        self.n, self.connection = 0, 0
        self.used = {}      # (service, user, endpoint, period): requests
        self.minute = {}    # user: times of the last minute's requests at VirusTotal
        self.windows = {}   # (user, address): when it was reported last
        self.reports = {}   # address: all reports, each with its user
        self.votes = {}     # (user, address): verdict
        self.comments = {}  # id: (user, address, text)
        self.said = set()   # (user, address, text) of those
        self.seen = {}      # a fault's mark: requests that it was meant for

    def apply(self, line):
        """Remembers what a line of the log tells."""
        self.n, self.connection = max(self.n, line["n"]), max(self.connection, line["connection"])
        for mark in line.get("seen", ()):
            self.seen[mark] = self.seen.get(mark, 0) + 1
        user, time = line.get("user"), line["time"]
        for period in line.get("periods", ()):
            key = (line["service"], user, period)
            self.used[key] = self.used.get(key, 0) + 1
        if line.get("periods") and line["service"] == "virustotal":
            self.minute[user] = [then for then in self.minute.get(user, ()) if then > time - 60] + [time]
        for stored in line.get("stored", ()):
            self.store(line["endpoint"], user, time, stored)
        if line.get("removed") and line["endpoint"] == "clear":
            address = line["removed"]
            self.reports[address] = [report for report in self.reports.get(address, ()) if report["user"] != user]
        elif line.get("removed"):
            self.said.discard(self.comments.pop(line["removed"], None))

    def store(self, endpoint, user, time, stored):
        address = stored["address"]
        if endpoint == "vote":
            self.votes[user, address] = stored["verdict"]
        elif endpoint == "comment":
            self.comments[stored["id"]] = (user, address, stored["comment"])
            self.said.add(self.comments[stored["id"]])
        else:
            self.windows[user, address] = time
            self.reports.setdefault(address, []).append({**stored, "user": user, "reported": time})


class Service:
    """What both have: keys and quotas. A service has a `name`, `handlers` (by endpoint), admit(), charge() and dressed()."""

    def __init__(self, options, memory):
        self.options, self.memory = options, memory
        self.switches = {}

    @staticmethod
    def user(key):
        return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:8]

    def used(self, user, period):
        return self.memory.used.get((self.name, user, period), 0)

    def answer(self, request, now, switches):
        """Returns the Reply, and the user's name or None."""
        self.switches = switches
        user = None
        try:
            user = self.admit(request)
            periods, headers = self.charge(request, user, now)
            try:
                reply = self.handlers[request.endpoint](self, request, user, now)
                reply.headers.update(headers)
            except Refused as refused:
                reply = refused.reply
            reply.notes["periods"] = periods
        except Refused as refused:
            reply = refused.reply
        return self.dressed(reply, request), user


