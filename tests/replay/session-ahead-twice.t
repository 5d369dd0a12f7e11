# A session has one attempt ahead at most; settled, the next one counts again.
jail sshd maxretry=9
fail sshd 203.0.113.5 session=7 count=ahead
fail sshd 203.0.113.5 session=7 count=ahead
> counts 0

fail sshd 203.0.113.5 session=7
fail sshd 203.0.113.5 session=7 count=ahead
windows
> counts 0
> window sshd 203.0.113.5: @0s*1/7 @0s*1!/7

# Without a session every line counts, whatever it says.
fail sshd 203.0.113.6 count=ahead
fail sshd 203.0.113.6 count=ahead
fail sshd 203.0.113.6 count=once
fail sshd 203.0.113.6
stats
> counting=2 windows=2 bans=0 total=0 elements=0 displaced=0 evicted=0 dropped=0
