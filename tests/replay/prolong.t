# A full window while banned prolongs to the later end, keeps id and start, and is an event of its own.
jail sshd findtime=10m maxretry=2 bantime=1h
fail sshd 203.0.113.5 times=2 rule=one
> ban #1 sshd 203.0.113.5 until=@1h failures=2 first=@0s rule=one
> set 203.0.113.5 until=@1h

+30m
fail sshd 203.0.113.5 times=2 rule=two
> prolong #1 sshd 203.0.113.5 until=@1h30m failures=4 first=@0s rule=two
> set 203.0.113.5 until=@1h30m

# Older lines do not shorten it: the same end, no change in the kernel.
fail sshd 203.0.113.5 times=2 at=-20m
> prolong #1 sshd 203.0.113.5 until=@1h30m failures=6 first=@0s rule=two

# Lines whose own ban would be over by now are still an offence against the one that stands.
fail sshd 203.0.113.5 times=2 at=-2h
> prolong #1 sshd 203.0.113.5 until=@1h30m failures=8 first=@0s rule=two

+1h
stats
> expire #1 sshd 203.0.113.5 until=@1h30m failures=8 first=@0s rule=two
> counting=0 windows=0 bans=0 total=1 elements=0 displaced=0 evicted=0 dropped=0

# After its end a new one begins.
fail sshd 203.0.113.5 times=2
> ban #2 sshd 203.0.113.5 until=@2h30m failures=2 first=@1h30m
> set 203.0.113.5 until=@2h30m
