# What gives way takes from the kernel only what no other jail holds.
caps bans=2
jail sshd maxretry=1 bantime=2h
jail nginx maxretry=1 bantime=3h
fail sshd 203.0.113.1
ban nginx 203.0.113.1 for=1h
> ban #1 sshd 203.0.113.1 until=@2h failures=1 first=@0s
> set 203.0.113.1 until=@2h
> ban #2 nginx 203.0.113.1 until=@1h manual

fail nginx 203.0.113.2
> displaced #1 sshd 203.0.113.1 until=@2h failures=1 first=@0s [gave way at the cap of 2 bans]
> set 203.0.113.1 until=@1h
> ban #3 nginx 203.0.113.2 until=@3h failures=1 first=@0s
> set 203.0.113.2 until=@3h
