# With a short findtime an attempt leaves the window before its session ends; its line is still no new one.
jail sshd findtime=1m maxretry=2
fail sshd 203.0.113.5 session=7 count=ahead
+2m
windows
stats
> window sshd 203.0.113.5: @0s*0!/7
> counting=0 windows=1 bans=0 total=0 elements=0 displaced=0 evicted=0 dropped=0

fail sshd 203.0.113.5 session=7
+8m1s
stats
> counts 0
> counting=0 windows=0 bans=0 total=0 elements=0 displaced=0 evicted=0 dropped=0
