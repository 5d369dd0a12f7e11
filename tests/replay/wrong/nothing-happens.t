# A ban is expected that does not happen.
jail sshd maxretry=2
fail sshd 203.0.113.5
> ban #1 sshd 203.0.113.5 until=@1d failures=1 first=@0s
> set 203.0.113.5 until=@1d
