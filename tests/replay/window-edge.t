# Both ends of the window count: exactly findtime apart is within it.
jail sshd findtime=10m maxretry=2
fail sshd 203.0.113.5

+10m
fail sshd 203.0.113.5
> ban #1 sshd 203.0.113.5 until=@1d10m failures=2 first=@0s
> set 203.0.113.5 until=@1d10m

fail sshd 203.0.113.6

+10m1s
fail sshd 203.0.113.6
windows
> window sshd 203.0.113.6: @20m1s*1
