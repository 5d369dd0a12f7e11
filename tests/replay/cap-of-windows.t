# At the cap of windows the lowest count gives way, the oldest within it.
caps windows=3
jail sshd maxretry=5
fail sshd 203.0.113.1 times=3
fail sshd 203.0.113.2
fail sshd 203.0.113.3
fail sshd 203.0.113.4
windows
> window sshd 203.0.113.1: @0s*1 @0s*1 @0s*1
> window sshd 203.0.113.3: @0s*1
> window sshd 203.0.113.4: @0s*1

fail sshd 203.0.113.3
fail sshd 203.0.113.5
stats
windows
> counting=3 windows=3 bans=0 total=0 elements=0 displaced=0 evicted=2 dropped=0
> window sshd 203.0.113.1: @0s*1 @0s*1 @0s*1
> window sshd 203.0.113.3: @0s*1 @0s*1
> window sshd 203.0.113.5: @0s*1

# The store hears of what it knows; a window that came and went in between is none of its business.
drain
> window sshd 203.0.113.1: @0s*1 @0s*1 @0s*1
> window sshd 203.0.113.3: @0s*1 @0s*1
> window sshd 203.0.113.5: @0s*1

fail sshd 203.0.113.6
fail sshd 203.0.113.7
drain
> window sshd 203.0.113.5: gone
> window sshd 203.0.113.7: @0s*1
