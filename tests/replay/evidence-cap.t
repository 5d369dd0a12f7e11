# Beyond the cap of text failures count as ever, without their lines; the deciding line is always there.
caps evidence=12
jail sshd maxretry=3
fail sshd 203.0.113.5 line=12345
fail sshd 203.0.113.5 line=1234567
stats
> counting=1 windows=1 bans=0 total=0 elements=0 displaced=0 evicted=0 dropped=1

fail sshd 203.0.113.5 line=decides
evidence
> ban #1 sshd 203.0.113.5 until=@1d failures=3 first=@0s
> set 203.0.113.5 until=@1d
> 203.0.113.5 1. @0s : 12345
> 203.0.113.5 2. @0s : decides
