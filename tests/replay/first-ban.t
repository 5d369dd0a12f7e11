# The fifth failure within findtime bans, until the deciding line's time plus bantime.
jail sshd findtime=10m maxretry=5 bantime=1d
fail sshd 203.0.113.5 times=4

windows
stats
> window sshd 203.0.113.5: @0s*1 @0s*1 @0s*1 @0s*1
> counting=1 windows=1 bans=0 total=0 elements=0 displaced=0 evicted=0 dropped=0

+1m
fail sshd 203.0.113.5 rule=failed-password
> ban #1 sshd 203.0.113.5 until=@1d1m failures=5 first=@0s rule=failed-password
> set 203.0.113.5 until=@1d1m

# The window is empty then.
windows

stats
> counting=0 windows=0 bans=1 total=1 elements=1 displaced=0 evicted=0 dropped=0

# The kernel's own timeout ends it: an event without a change.
+1d
> expire #1 sshd 203.0.113.5 until=@1d1m failures=5 first=@0s rule=failed-password
