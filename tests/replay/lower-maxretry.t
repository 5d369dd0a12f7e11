# New parameters hold at once; a window that they make full fires at its next failure.
jail sshd findtime=10m maxretry=5
fail sshd 203.0.113.5 times=4
jail sshd findtime=10m maxretry=2
restart
windows
> window sshd 203.0.113.5: @0s*1 @0s*1 @0s*1 @0s*1

+1m
fail sshd 203.0.113.5
> ban #1 sshd 203.0.113.5 until=@1d1m failures=5 first=@0s
> set 203.0.113.5 until=@1d1m

# A shorter findtime drops sooner.
fail sshd 203.0.113.6
jail sshd findtime=1m maxretry=2
+1m1s
windows
