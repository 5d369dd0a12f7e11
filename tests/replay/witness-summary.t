# A summary settles what nobody has told of: same address, its stated seconds, up to its number.
jail dovecot maxretry=10
fail dovecot 203.0.113.5 witness=1
+5s
fail dovecot 203.0.113.5 witness=1
+3s
fail dovecot 203.0.113.5 witness=2 attempts=3 span=10
> counts 1

# Another connection's, which PAM told of as well: the summary adds nothing.
+60s
fail dovecot 203.0.113.5 witness=1
+2s
fail dovecot 203.0.113.5 witness=2 span=2
> counts 0

# Too far back: not the same attempt.
+60s
fail dovecot 203.0.113.5 witness=1
+30s
fail dovecot 203.0.113.5 witness=2 span=5

# Of another address: nothing to do with it.
fail dovecot 203.0.113.6 witness=2 attempts=2 span=600
+1s
fail dovecot 203.0.113.5 witness=2 attempts=4 span=5
> ban #1 dovecot 203.0.113.5 until=@1d2m41s failures=10 first=@0s
> set 203.0.113.5 until=@1d2m41s

