#!/usr/bin/env python3
"""Tries passwords at a mail server: one connection, and a line "ok", "no" or "closed" for each login.

    mail_client.py PORT FROM STEP...

Steps: USER:PASSWORD      a login, by AUTH PLAIN (SMTP), LOGIN (IMAP) or USER and PASS (POP3)
       login:USER:PASSWORD  the same by the mechanism LOGIN
       send:TEXT          TEXT and a line end; then the answer is read. Python's escapes (\\r, \\x1b) hold
       raw:TEXT           the same without a line end
       b64:TEXT           TEXT in base64 and a line end
       plain:TEXT         what AUTH PLAIN sends for the user name TEXT with a wrong password
       drop               ends the connection without a word; otherwise QUIT or LOGOUT is sent
       hold:PATH          makes a file there, and goes on when somebody has removed it
       nogreeting         (first) does not wait for the server's greeting

The port says the protocol: 465, 993 and 995 are TLS from the beginning. An answer is waited for $MAIL_LIMIT seconds (20).
"""
import base64
import os
import socket
import ssl
import sys
import time

TLS = (465, 993, 995)
IMAP, POP3 = (143, 993), (110, 995)


def unescape(text):
    return text.encode().decode("unicode_escape").encode("latin-1") if text.isascii() else text.encode()


class Client:
    """One connection from an address of our choice."""

    def __init__(self, port, source, timeout=20, target=None):
        self.port, self.tag, self.closed, self.answer = port, 0, False, b""
        target = target or ("2001:db8::10" if ":" in source else "192.0.2.10")
        self.socket = socket.create_connection((target, port), timeout=timeout, source_address=(source, 0))
        if port in TLS:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)

    def greeted(self):
        self.read(lambda answer: b"\n" in answer)
        if self.port not in IMAP + POP3:
            self.ask(b"EHLO client.example.net")

    def complete(self, answer):
        """Whether an answer is whole: the last line of several is one without "-" (SMTP), or has our tag (IMAP)."""
        if not answer.endswith(b"\n"):
            return False
        last = answer.splitlines()[-1]
        if self.port in POP3:
            return True
        if self.port in IMAP:
            return last.startswith(b"+") or last.startswith(b"* BYE") or last.split(b" ")[0] in (b"t%d" % self.tag, b"x")
        return last[3:4] != b"-"

    def read(self, enough=None):
        enough, self.answer = enough or self.complete, b""
        try:
            while not enough(self.answer):
                data = self.socket.recv(65536)
                if not data:
                    self.closed = True
                    break
                self.answer += data
        except OSError:
            self.closed = True
        return self.answer

    def put(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            self.closed = True

    def ask(self, line):
        if self.closed:
            return b""
        self.put(line + b"\r\n")
        return self.read()

    def login(self, user, password, mechanism="PLAIN"):
        """Returns "ok", "no" or "closed"."""
        user, password = unescape(user), unescape(password)
        if self.port in IMAP:
            self.tag += 1
            if mechanism == "LOGIN":
                self.ask(b"t%d AUTHENTICATE LOGIN" % self.tag)
                self.ask(base64.b64encode(user))
                answer = self.ask(base64.b64encode(password))
            else:
                answer = self.ask(b"t%d LOGIN %s %s" % (self.tag, user, password))
            good, bad = b"t%d OK" % self.tag in answer, b"t%d NO" % self.tag in answer
        elif self.port in POP3:
            self.ask(b"USER " + user)
            answer = self.ask(b"PASS " + password)
            good, bad = answer.startswith(b"+OK"), answer.startswith(b"-ERR")
        else:
            if mechanism == "LOGIN":
                self.ask(b"AUTH LOGIN")
                self.ask(base64.b64encode(user))
                answer = self.ask(base64.b64encode(password))
            else:
                answer = self.ask(b"AUTH PLAIN " + base64.b64encode(b"\0" + user + b"\0" + password))
            good, bad = answer.startswith(b"235"), answer.startswith(b"535")
        return "ok" if good else "no" if bad else "closed"

    def goodbye(self):
        if self.closed:
            return
        self.socket.settimeout(1)  # who has just been banned waits for nothing
        self.tag += 1
        self.ask(b"t%d LOGOUT" % self.tag if self.port in IMAP else b"QUIT")

    def step(self, step):
        """One step as above; returns what a login came to, or None."""
        word, _, text = step.partition(":")
        if word == "send":
            self.ask(unescape(text))
        elif word == "raw":
            self.put(unescape(text))
            self.read()
        elif word == "b64":
            self.ask(base64.b64encode(unescape(text)))
        elif word == "plain":
            data = base64.b64encode(b"\0" + unescape(text) + b"\0wrong")
            if self.port in IMAP:
                self.ask(b"x AUTHENTICATE PLAIN")
                self.ask(data)
            elif self.port in POP3:
                self.ask(b"AUTH PLAIN")
                self.ask(data)
            else:
                self.ask(b"AUTH PLAIN " + data)
        elif word == "hold":
            with open(text, "x", encoding="ascii"):
                pass
            while os.path.exists(text):
                time.sleep(0.02)
        elif word == "login":
            return self.login(*text.split(":", 1), mechanism="LOGIN")
        else:
            return self.login(word, text)
        return None

    def close(self):
        self.socket.close()


def talk(port, source, steps, timeout=float(os.environ.get("MAIL_LIMIT", 20))):
    """One connection from beginning to end; returns what its logins came to."""
    results, steps = [], list(steps)
    client = Client(port, source, timeout)
    if steps and steps[0] == "nogreeting":
        steps.pop(0)
    else:
        client.greeted()
    for step in steps:
        if step == "drop":
            break
        result = client.step(step)
        if result:
            results.append(result)
    else:
        client.goodbye()
    client.close()
    return results


if __name__ == "__main__":
    try:
        print("\n".join(talk(int(sys.argv[1]), sys.argv[2], sys.argv[3:])))
    except OSError as error:
        sys.exit(f"mail_client.py: {error}")
