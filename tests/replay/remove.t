# A jail that goes takes its bans, windows and levels along; what another jail bans stays banned.
jail sshd maxretry=1 bantime=2h factor=2 max=1d forget=1d
jail nginx maxretry=2 bantime=1h
fail nginx 203.0.113.5 times=2
fail nginx 203.0.113.7
fail sshd 203.0.113.5
fail sshd 203.0.113.6
> ban #1 nginx 203.0.113.5 until=@1h failures=2 first=@0s
> set 203.0.113.5 until=@1h
> ban #2 sshd 203.0.113.5 until=@2h failures=1 first=@0s level=0 forgotten=@1d2h
> set 203.0.113.5 until=@2h
> ban #3 sshd 203.0.113.6 until=@2h failures=1 first=@0s level=0 forgotten=@1d2h
> set 203.0.113.6 until=@2h

drain
> window nginx 203.0.113.7: @0s*1

remove sshd
levels
elements
> unban #2 sshd 203.0.113.5 until=@2h failures=1 first=@0s level=0 forgotten=@1d2h [removed]
> set 203.0.113.5 until=@1h
> unban #3 sshd 203.0.113.6 until=@2h failures=1 first=@0s level=0 forgotten=@1d2h [removed]
> del 203.0.113.6
> lifted 2
> set 203.0.113.5 until=@1h

remove nginx
windows
> unban #1 nginx 203.0.113.5 until=@1h failures=2 first=@0s [removed]
> del 203.0.113.5
> lifted 1

# It comes back before the store has heard of its going: each window is told once.
jail nginx maxretry=2 bantime=1h
fail nginx 203.0.113.7

drain
> window nginx 203.0.113.7: @0s*1
