# Jails that share the host's levels make each other's bans longer; a jail by itself does not.
jail sshd maxretry=1 bantime=1h factor=3 max=7d forget=1d over=host
jail postfix maxretry=1 bantime=10m factor=3 max=7d forget=1d over=host ports=tcp/25
jail nginx maxretry=1 bantime=1h factor=3 max=7d forget=1d
fail sshd 203.0.113.5
fail postfix 203.0.113.5
fail nginx 203.0.113.5
levels
> ban #1 sshd 203.0.113.5 until=@1h failures=1 first=@0s level=0 forgotten=@1d1h
> set 203.0.113.5 until=@1h
> ban #2 postfix 203.0.113.5 until=@30m failures=1 first=@0s level=1 forgotten=@1d1h
> set 203.0.113.5 tcp/25 until=@30m
> ban #3 nginx 203.0.113.5 until=@1h failures=1 first=@0s level=0 forgotten=@1d1h
> level 1 nginx 203.0.113.5 forgotten=@1d1h
> level 2 (host) 203.0.113.5 forgotten=@1d1h
