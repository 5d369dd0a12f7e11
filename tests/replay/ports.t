# Bans on ports are elements of their own, shared where jails name the same port.
jail postfix bantime=1h ports=tcp/25,tcp/587
jail dovecot bantime=2h ports=tcp/993,tcp/587,udp/587
jail sshd bantime=30m
ban postfix 203.0.113.5
ban dovecot 203.0.113.5
> ban #1 postfix 203.0.113.5 until=@1h manual
> set 203.0.113.5 tcp/25 until=@1h
> set 203.0.113.5 tcp/587 until=@1h
> ban #2 dovecot 203.0.113.5 until=@2h manual
> set 203.0.113.5 tcp/587 until=@2h
> set 203.0.113.5 tcp/993 until=@2h
> set 203.0.113.5 udp/587 until=@2h

unban 203.0.113.5 jail=dovecot
ban sshd 203.0.113.5
elements
stats
> unban #2 dovecot 203.0.113.5 until=@2h manual [by hand]
> del 203.0.113.5 tcp/993
> del 203.0.113.5 udp/587
> set 203.0.113.5 tcp/587 until=@1h
> lifted 1
> ban #3 sshd 203.0.113.5 until=@30m manual
> set 203.0.113.5 until=@30m
> set 203.0.113.5 tcp/25 until=@1h
> set 203.0.113.5 tcp/587 until=@1h
> set 203.0.113.5 until=@30m
> counting=0 windows=0 bans=2 total=3 elements=3 displaced=0 evicted=0 dropped=0

# New terms of a jail are for future bans.
jail postfix bantime=3h ports=tcp/465
ban postfix 203.0.113.6
unban 203.0.113.5 jail=postfix
> ban #4 postfix 203.0.113.6 until=@3h manual
> set 203.0.113.6 tcp/465 until=@3h
> unban #1 postfix 203.0.113.5 until=@1h manual [by hand]
> del 203.0.113.5 tcp/25
> del 203.0.113.5 tcp/587
> lifted 1
