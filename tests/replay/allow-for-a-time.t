# An entry ends by itself; of two origins the one that allows longer counts.
jail sshd maxretry=1
allow 203.0.113.5 for=1h origin=login-of-root
allow 203.0.113.6 origin=bailiff.yaml:3
allow 203.0.113.6 for=1h origin=login-of-root group=login
+59m59s
fail sshd 203.0.113.5
> refused #0 sshd 203.0.113.5 until=@1d59m59s failures=1 first=@59m59s [allowed by 203.0.113.5 (login-of-root)]

+1s
fail sshd 203.0.113.5
fail sshd 203.0.113.6
> ban #1 sshd 203.0.113.5 until=@1d1h failures=1 first=@1h
> set 203.0.113.5 until=@1d1h
> refused #0 sshd 203.0.113.6 until=@1d1h failures=1 first=@1h [allowed by 203.0.113.6 (bailiff.yaml:3)]
