"""What AbuseIPDB's APIv2 answers. A service takes a Request and the virtual time and gives a Reply.

Where the vendor says nothing and nothing was seen, the stricter of the plausible answers was taken, so that a client that
passes here does not lean on luck. These are guesses: every text of a 422 but those for an address and for maxAgeInDays; a
file that is refused as a whole; "Invalid Date"; text that is not UTF-8; that a report which clear-address removed still
counts for the 15 minutes, and an address twice in one file as "Duplicate IP"; what a score is.
"""
import datetime
import ipaddress
import re

from .request import Refused, Reply, address_of, page
from .service import Service

WINDOW = 15 * 60
COMMENT_BYTES = 1024
CATEGORIES, CATEGORIES_AT_MOST = range(1, 24), 30
BULK_HEADING, BULK_LINES = b"IP,Categories,ReportDate,Comment", 10000
EASTERN = datetime.timezone(datetime.timedelta(hours=-5))  # of a time without a zone

TEXT_KEY = ("Authentication failed. Your API key is either missing, incorrect, or revoked. "
            "Note: The APIv2 key differs from the APIv1 key.")
TEXT_IP = "The ip address must be a valid IPv4 or IPv6 address (e.g. 8.8.8.8 or 2001:4860:4860::8888)."
TEXT_WINDOW = "You can only report the same IP address (`%s`) once in 15 minutes."
TEXT_WINDOW_BARE = "You can only report the same IP address once in 15 minutes."
TEXT_DAILY = "Daily rate limit of %d requests exceeded for this endpoint. See headers for additional details."


def time_of(text):
    """Epoch of an ISO 8601 time, or None."""
    try:
        time = datetime.datetime.fromisoformat(text)
        return int((time if time.tzinfo else time.replace(tzinfo=EASTERN)).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None


class AbuseIPDB(Service):
    name = "abuseipdb"
    texts = {401: TEXT_KEY, 402: "You have exceeded what your plan allows.", 403: "You are not allowed to report."}

    def error(self, status, detail, parameter=None, headers=None):
        error = {"detail": detail, "status": status}
        if parameter:
            error["source"] = {"parameter": parameter}
        return Refused(status, {"errors": [error]}, headers)

    def invalid(self, parameter, detail):
        return self.error(422, detail, parameter)

    def dressed(self, reply, request):
        """Who does not ask for JSON gets errors as a page."""
        accept = request.headers.get("accept", "")
        if reply.status >= 400 and "/json" not in accept and "+json" not in accept:
            reply.body, reply.type = page(reply.status), "text/html; charset=UTF-8"
        return reply

    def admit(self, request):
        key = request.headers.get("key") or request.params.get("key", "")
        if request.method_wanted is None:
            raise self.error(404, "The requested resource was not found.")
        if request.method != request.method_wanted:
            raise self.error(405, f"The {request.method} method is not supported for this route.", headers={"Allow": request.method_wanted})
        if key not in self.options.abuseipdb_key:
            raise self.error(401, TEXT_KEY)
        return self.user(key)

    def day(self, now):
        """The day that `now` is in, and when the next one begins."""
        start = self.options.day_reset * 3600
        day = (int(now) - start) // 86400
        return day, (day + 1) * 86400 + start

    def over_quota(self, endpoint, now, retry_after=None):
        limit, reset = self.options.limits[endpoint], self.day(now)[1]
        return self.error(429, TEXT_DAILY % limit, headers={
            "Retry-After": max(1, int(reset - now)) if retry_after is None else retry_after, "X-RateLimit-Limit": limit,
            "X-RateLimit-Remaining": 0, "X-RateLimit-Reset": reset})

    def charge(self, request, user, now):
        endpoint, limit = request.endpoint, self.options.limits[request.endpoint]
        period = f"{endpoint} {self.day(now)[0]}"
        used = self.used(user, period)
        if used >= limit:
            raise self.over_quota(endpoint, now)
        return [period], {"X-RateLimit-Limit": limit, "X-RateLimit-Remaining": limit - used - 1}

    def checked(self, request):
        if request.problem:
            raise self.invalid(request.problem, f"The {request.problem} is not valid.")
        return request.params

    def window_refusal(self, address):
        status = self.switches["window_status"]
        if self.switches["bare_window"]:
            return Refused(status, {"detail": TEXT_WINDOW_BARE, "source": {"parameter": "ip", "value": address}, "status": status})
        return self.error(status, TEXT_WINDOW % address, "ip")

    def in_window(self, user, address, now):
        return address == "127.0.0.2" or now - self.memory.windows.get((user, address), float("-inf")) < WINDOW

    @staticmethod
    def categories(text):
        """The ids, or None."""
        ids = [re.fullmatch(r" *0*([0-9]{1,3}) *", part) for part in text.split(",")]
        if not all(ids) or len(ids) > CATEGORIES_AT_MOST or any(int(id[1]) not in CATEGORIES for id in ids):
            return None
        return [int(id[1]) for id in ids]

    @staticmethod
    def cut(comment):
        """As stored: who cuts in the middle of a character, or lets us do so, finds U+FFFD."""
        return comment.encode()[:COMMENT_BYTES].decode(errors="replace")

    def score(self, address):
        return min(100, 25 * len(self.memory.reports.get(address, ())))

    def address(self, params, parameter):
        if not params.get(parameter):
            raise self.invalid(parameter, f"The {'ip address' if parameter == 'ipAddress' else parameter} field is required.")
        address = address_of(params[parameter])
        if not address:
            raise self.invalid(parameter, TEXT_IP)
        return address

    def report(self, request, user, now):
        params = self.checked(request)
        address = self.address(params, "ip")
        if not params.get("categories"):
            raise self.invalid("categories", "The categories field is required.")
        categories = self.categories(params["categories"])
        if categories is None:
            raise self.invalid("categories", "The categories must be at most 30 numbers of known categories.")
        time = time_of(params["timestamp"]) if "timestamp" in params else int(now)
        if time is None:
            raise self.invalid("timestamp", "The timestamp is not a valid date.")
        if self.in_window(user, address, now):
            raise self.window_refusal(address)
        score = min(100, self.score(address) + 25)
        stored = {"address": address, "categories": categories, "comment": self.cut(params.get("comment", "")), "time": time, "score": score}
        return Reply(200, {"data": {"ipAddress": address, "abuseConfidenceScore": score}}, stored=[stored])

    def bulk(self, request, user, now):
        self.checked(request)
        if not request.csv:
            raise self.invalid("csv", "The csv field is required.")
        if len(request.csv) >= self.options.bulk_bytes:
            raise self.invalid("csv", "The csv must be smaller than 2 MB.")
        try:
            records = csv_records(request.csv)
        except ValueError as error:
            raise self.invalid("csv", f"The csv is not well formed: {error}.") from error
        stored, invalid, here = [], [], set()
        for number, record in enumerate(records, 2):
            row, error = self.bulk_row(record, user, now, here)
            if error:
                invalid.append({"error": error, "input": record[0], "rowNumber": number})
            else:
                here.add(row["address"])
                stored.append({**row, "row": number})
        return Reply(200, {"data": {"savedReports": len(stored), "invalidReports": invalid}}, stored=stored, invalid=invalid)

    def bulk_row(self, record, user, now, here):
        address, categories, time = address_of(record[0]), self.categories(record[1]), time_of(record[2])
        if not address:
            return None, "Invalid IP"
        if address in here or self.in_window(user, address, now):
            return None, "Duplicate IP"
        if categories is None:
            return None, "Invalid Category"
        if time is None:
            return None, "Invalid Date"
        return {"address": address, "categories": categories, "comment": self.cut(record[3]), "time": time}, None

    def clear(self, request, user, now):
        address = self.address(self.checked(request), "ipAddress")
        n = sum(report["user"] == user for report in self.memory.reports.get(address, ()))
        return Reply(200, {"data": {"numReportsDeleted": n}}, removed=address)

    def age(self, params, now):
        days = params.get("maxAgeInDays", "30")
        if not re.fullmatch(r"[0-9]{1,3}", days) or not 1 <= int(days) <= 365:
            raise self.invalid("maxAgeInDays", "The max age in days must be between 1 and 365.")
        return int(days)

    def known(self, address, now, days):
        return [report for report in self.memory.reports.get(address, ()) if report["time"] > now - days * 86400]

    @staticmethod
    def iso(time):
        return datetime.datetime.fromtimestamp(time, datetime.timezone.utc).isoformat(timespec="seconds")

    def listed(self, reports):
        return [{"reportedAt": self.iso(report["time"]), "comment": report["comment"], "categories": report["categories"], "reporterId": 1,
                 "reporterCountryCode": "US", "reporterCountryName": "United States of America"} for report in reports]

    def check(self, request, user, now):
        params = self.checked(request)
        address = self.address(params, "ipAddress")
        reports = self.known(address, now, self.age(params, now))
        data = {"ipAddress": address, "isPublic": ipaddress.ip_address(address).is_global, "ipVersion": ipaddress.ip_address(address).version,
                "isWhitelisted": None, "abuseConfidenceScore": self.score(address), "countryCode": None, "usageType": None, "isp": None,
                "domain": None, "hostnames": [], "isTor": False, "totalReports": len(reports),
                "numDistinctUsers": len({report["user"] for report in reports}),
                "lastReportedAt": self.iso(max(report["time"] for report in reports)) if reports else None}
        if "verbose" in params:
            data |= {"countryName": None, "reports": self.listed(reports)[:10000]}
        return Reply(200, {"data": data})

    def list_reports(self, request, user, now):
        params = self.checked(request)
        reports = self.known(self.address(params, "ipAddress"), now, self.age(params, now))
        numbers = {}
        for name, default, most in (("page", "1", 10 ** 6), ("perPage", "25", 100)):
            if not re.fullmatch(r"[0-9]{1,7}", params.get(name, default)) or not 1 <= int(params.get(name, default)) <= most:
                raise self.invalid(name, f"The {name} must be between 1 and {most}.")
            numbers[name] = int(params.get(name, default))
        first, size = (numbers["page"] - 1) * numbers["perPage"], numbers["perPage"]
        results = self.listed(reports[first:first + size])
        return Reply(200, {"data": {"total": len(reports), "page": numbers["page"], "count": len(results), "perPage": size,
                                    "lastPage": max(1, -(-len(reports) // size)), "nextPageUrl": None, "previousPageUrl": None,
                                    "results": results}})

    def blacklist(self, request, user, now):
        params = self.checked(request)
        if {"confidenceMinimum", "onlyCountries", "exceptCountries"} & set(params):
            raise self.error(402, "This needs a subscription.")
        listed = sorted(address for address in self.memory.reports if self.score(address) == 100)[:10000]
        if "plaintext" in params or request.headers.get("accept") == "text/plain":
            return Reply(200, "\n".join(listed), {"X-Generated-At": self.iso(now)})
        return Reply(200, {"meta": {"generatedAt": self.iso(now)}, "data": [{
            "ipAddress": address, "countryCode": None, "abuseConfidenceScore": 100,
            "lastReportedAt": self.iso(self.memory.reports[address][-1]["time"])} for address in listed]})

    def check_block(self, request, user, now):
        params = self.checked(request)
        try:
            network = ipaddress.ip_network(params.get("network", ""), strict=False)
        except ValueError as error:
            raise self.invalid("network", "The network must be in CIDR notation.") from error
        days, bits = self.age(params, now), network.max_prefixlen - network.prefixlen
        if bits > 16:
            raise self.invalid("network", "Cannot accept bitmask wider than 255.255.0.0 (/16)")
        if bits > 8 or days > 30:
            raise self.error(402, self.texts[402], "network" if bits > 8 else "maxAgeInDays")
        inside = [address for address in self.memory.reports if ipaddress.ip_address(address) in network and self.known(address, now, days)]
        return Reply(200, {"data": {
            "networkAddress": str(network.network_address), "netmask": str(network.netmask), "minAddress": str(network[0]),
            "maxAddress": str(network[-1]), "numPossibleHosts": network.num_addresses, "addressSpaceDesc": "",
            "reportedAddress": [{"ipAddress": address, "numReports": len(self.known(address, now, days)),
                                 "mostRecentReport": self.iso(self.known(address, now, days)[-1]["time"]),
                                 "abuseConfidenceScore": self.score(address), "countryCode": None} for address in inside]}})

    handlers = {"report": report, "bulk": bulk, "clear": clear, "check": check, "check-block": check_block, "reports": list_reports,
                "blacklist": blacklist}


def csv_records(data):
    """AbuseIPDB's own CSV: a quote inside is \\" , a backslash does not escape itself. Strict, so that a writer's mistake is
    no row of somebody else's text. Raises ValueError."""
    if data.count(b"\n") + (not data.endswith(b"\n")) > BULK_LINES:
        raise ValueError(f"it has more than {BULK_LINES} lines")
    heading, _, rest = data.partition(b"\n")
    if heading.removesuffix(b"\r") != BULK_HEADING:
        raise ValueError("its heading is not " + BULK_HEADING.decode())
    text, records, record, position = rest.decode(), [], [], 0  # a UnicodeDecodeError is a ValueError
    field = re.compile(r'(?:"((?:[^"\\]|\\"|\\(?!"))*)"|((?:[^",\r\n\\]|\\"|\\(?!"))*))(,|\r?\n|\Z)')
    while position < len(text):
        match = field.match(text, position)
        if not match:
            raise ValueError(f"row {len(records) + 2} has a quote out of place")
        position = match.end()
        record.append((match[1] if match[1] is not None else match[2]).replace('\\"', '"'))
        if match[3] == ",":
            if position == len(text):
                record.append("")
            else:
                continue
        if len(record) != 4:
            raise ValueError(f"row {len(records) + 2} has {len(record)} columns")
        records.append(record)
        record = []
    return records
