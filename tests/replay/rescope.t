# Other ports and another action, for bans that stand too: only what differs changes in the kernel.
jail postfix maxretry=1 bantime=1h ports=tcp/25,tcp/587
jail dovecot maxretry=1 bantime=2h ports=tcp/587
fail postfix 203.0.113.5
fail dovecot 203.0.113.5
> ban #1 postfix 203.0.113.5 until=@1h failures=1 first=@0s
> set 203.0.113.5 tcp/25 until=@1h
> set 203.0.113.5 tcp/587 until=@1h
> ban #2 dovecot 203.0.113.5 until=@2h failures=1 first=@0s
> set 203.0.113.5 tcp/587 until=@2h

rescope postfix

jail postfix maxretry=1 bantime=1h ports=tcp/25,tcp/465
rescope postfix
> change #1 postfix 203.0.113.5 until=@1h failures=1 first=@0s [reload]
> set 203.0.113.5 tcp/465 until=@1h

jail postfix maxretry=1 bantime=1h ports=tcp/25,tcp/465 reject
rescope postfix
> change #1 postfix 203.0.113.5 until=@1h failures=1 first=@0s [reload]
> del 203.0.113.5 tcp/25
> del 203.0.113.5 tcp/465
> set 203.0.113.5 tcp/25 reject until=@1h
> set 203.0.113.5 tcp/465 reject until=@1h

jail postfix maxretry=1 bantime=1h
rescope postfix
elements
> change #1 postfix 203.0.113.5 until=@1h failures=1 first=@0s [reload]
> del 203.0.113.5 tcp/25 reject
> del 203.0.113.5 tcp/465 reject
> set 203.0.113.5 until=@1h
> set 203.0.113.5 tcp/587 until=@2h
> set 203.0.113.5 until=@1h
