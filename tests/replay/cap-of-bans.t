# At the cap the automatic ban that ends soonest gives way; manual and permanent ones never do.
caps bans=3
jail sshd maxretry=1 bantime=1h
jail long maxretry=1 bantime=2h
jail ever maxretry=1 bantime=forever
ban sshd 203.0.113.1 for=10m
fail long 203.0.113.2
fail sshd 203.0.113.3
> ban #1 sshd 203.0.113.1 until=@10m manual
> set 203.0.113.1 until=@10m
> ban #2 long 203.0.113.2 until=@2h failures=1 first=@0s
> set 203.0.113.2 until=@2h
> ban #3 sshd 203.0.113.3 until=@1h failures=1 first=@0s
> set 203.0.113.3 until=@1h

fail ever 203.0.113.4
> displaced #3 sshd 203.0.113.3 until=@1h failures=1 first=@0s [gave way at the cap of 3 bans]
> del 203.0.113.3
> ban #4 ever 203.0.113.4 until=forever failures=1 first=@0s
> set 203.0.113.4 until=forever

# To prolong needs no room.
fail long 203.0.113.2
> prolong #2 long 203.0.113.2 until=@2h failures=2 first=@0s

ban sshd 203.0.113.5
> displaced #2 long 203.0.113.2 until=@2h failures=2 first=@0s [gave way at the cap of 3 bans]
> del 203.0.113.2
> ban #5 sshd 203.0.113.5 until=@1h manual
> set 203.0.113.5 until=@1h

ban sshd 203.0.113.6
fail sshd 203.0.113.6
stats
> answered 5: no room for another ban: all of the 3 in force, which is the cap, are manual or permanent; lift some with bailiffctl unban, or raise max_bans
> offence answered 5
> counting=0 windows=0 bans=3 total=5 elements=3 displaced=2 evicted=0 dropped=0

# One that has ended makes room by itself.
jump 11m
fail sshd 203.0.113.6
> expire #1 sshd 203.0.113.1 until=@10m manual
> ban #6 sshd 203.0.113.6 until=@1h11m failures=1 first=@11m
> set 203.0.113.6 until=@1h11m
