# Jails count for themselves.
jail sshd maxretry=3
jail postfix maxretry=2 ports=tcp/25,tcp/587
fail sshd 203.0.113.5 times=2
fail postfix 203.0.113.5

fail postfix 203.0.113.5
> ban #1 postfix 203.0.113.5 until=@1d failures=2 first=@0s
> set 203.0.113.5 tcp/25 until=@1d
> set 203.0.113.5 tcp/587 until=@1d

windows
> window sshd 203.0.113.5: @0s*1 @0s*1

fail nobody 203.0.113.5
> hit answered 1
