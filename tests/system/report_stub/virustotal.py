"""What VirusTotal's API v3 answers to votes and comments on addresses.

Guesses, where the vendor says nothing: that votes and comments cost quota; what an address that is none gets; a body that is
not announced as JSON; the body of an answer to DELETE /comments/{id}, and who may do that; any minute's requests, not those
of a minute of the clock, are counted.
"""
import datetime
import hashlib
import re

from .request import Refused, Reply, address_of
from .service import Service


class VirusTotal(Service):
    name = "virustotal"

    def error(self, status, code, message, headers=None):
        return Refused(status, {"error": {"code": code, "message": message}}, headers)

    def dressed(self, reply, request):
        return reply

    def admit(self, request):
        key = request.headers.get("x-apikey")
        if not key:
            raise self.error(401, "AuthenticationRequiredError", "X-Apikey header is missing")
        if key not in self.options.virustotal_key:
            raise self.error(401, "WrongCredentialsError", "Wrong API key")
        if request.method != request.method_wanted:
            raise self.error(404, "NotFoundError", "Resource not found.")
        return self.user(key)

    def over_quota(self, endpoint, now, retry_after=None):
        seconds = self.switches["vt_retry_after"] if retry_after is None else retry_after
        return self.error(429, "QuotaExceededError", "Quota exceeded", {} if seconds is None else {"Retry-After": seconds})

    def charge(self, request, user, now):
        month = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).strftime("month %Y-%m")
        day = f"day {int(now) // 86400}"
        # A time ahead of us is one of before the virtual clock was set back.
        minute = sum(0 <= now - then < 60 for then in self.memory.minute.get(user, ()))
        if minute >= self.options.vt_minute or self.used(user, day) >= self.options.vt_day or self.used(user, month) >= self.options.vt_month:
            raise self.over_quota(request.endpoint, now)
        return [day, month], {}

    def address(self, request):
        address = address_of(request.address)
        if not address:
            raise self.error(400, "InvalidArgumentError", f"\"{request.address}\" is not a valid IP address")
        return address

    def attribute(self, request, kind, name):
        """The one attribute of what was posted."""
        try:
            data, value = request.json["data"], request.json["data"]["attributes"][name]
            if data["type"] == kind and isinstance(value, str):
                return value
        except (KeyError, TypeError):
            pass
        raise self.error(400, "BadRequestError", f"This is no {kind} in JSON with its {name}")

    @staticmethod
    def id_of(address, *parts):
        return f"i-{address}-" + hashlib.sha256(repr(parts).encode()).hexdigest()[:8]

    def vote(self, request, user, now):
        address = self.address(request)
        verdict = self.attribute(request, "vote", "verdict")
        if verdict not in ("harmless", "malicious"):
            raise self.error(400, "InvalidArgumentError", f"\"{verdict}\" is not a valid value for verdict")
        voted = self.memory.votes.get((user, address))
        if voted == verdict or voted and self.switches["opposite_vote"] == 409:
            raise self.error(409, "AlreadyExistsError", f"User \"UserName\" already voted \"{voted}\" for this ip_address")
        id = self.id_of(address, user)
        return Reply(200, {"data": {"type": "vote", "id": id, "attributes": {
            "date": int(now), "value": 1 if verdict == "harmless" else -1, "verdict": verdict}, "links": {"self": None}}},
            stored=[{"address": address, "verdict": verdict, "id": id, "again": bool(voted)}])

    def comment(self, request, user, now):
        address = self.address(request)
        text = self.attribute(request, "comment", "text")
        if not text.strip():
            raise self.error(400, "InvalidArgumentError", "This is no text of a comment")
        again = (user, address, text) in self.memory.said
        if again and self.switches["duplicate_comment"] == 409:
            raise self.error(409, "AlreadyExistsError", "Duplicate comment")
        id = self.id_of(address, user, text, self.memory.n)
        return Reply(200, {"data": {
            "type": "comment", "id": id, "links": {"self": f"https://www.virustotal.com/api/v3/comments/{id}"},
            "attributes": {"date": int(now), "text": text, "html": text.replace("&", "&amp;").replace("<", "&lt;"),
                           "tags": [tag.lower() for tag in re.findall(r"#(\w+)", text)],
                           "votes": {"positive": 0, "negative": 0, "abuse": 0}}}},
            stored=[{"address": address, "comment": text, "id": id, "again": again}])

    def delete(self, request, user, now):
        if request.address not in self.memory.comments:
            raise self.error(404, "NotFoundError", f"Comment \"{request.address}\" not found")
        if self.memory.comments[request.address][0] != user:
            raise self.error(403, "ForbiddenError", "You are not authorized to perform the requested operation")
        return Reply(200, {}, removed=request.address)

    def ip(self, request, user, now):
        address = self.address(request)
        votes = [verdict for (_, of), verdict in self.memory.votes.items() if of == address]
        return Reply(200, {"data": {
            "type": "ip_address", "id": address, "links": {"self": f"https://www.virustotal.com/api/v3/ip_addresses/{address}"},
            "attributes": {"reputation": 0, "tags": [], "total_votes": {name: votes.count(name) for name in ("harmless", "malicious")}}}})

    handlers = {"vote": vote, "comment": comment, "delete": delete, "ip": ip}
