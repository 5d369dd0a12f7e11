# The ban ends at another time.
jail sshd maxretry=1
fail sshd 203.0.113.5
> ban #1 sshd 203.0.113.5 until=@1d1s failures=1 first=@0s
> set 203.0.113.5 until=@1d1s
