# A ban that is over before its lines were read is recorded, with an id, and never enforced.
jail sshd findtime=10m maxretry=2 bantime=30m
+2h
fail sshd 203.0.113.5 at=-31m times=2
bans
elements
> late #1 sshd 203.0.113.5 until=@1h59m failures=2 first=@1h29m [over before it was read]

fail sshd 203.0.113.5 at=-29m times=2
> ban #2 sshd 203.0.113.5 until=@2h1m failures=2 first=@1h31m
> set 203.0.113.5 until=@2h1m
