# Each further ban is twice as long, up to the cap; the level is forgotten a day after the last one's end.
jail sshd maxretry=1 bantime=1h factor=2 max=3h forget=1d
fail sshd 203.0.113.5
levels
> ban #1 sshd 203.0.113.5 until=@1h failures=1 first=@0s level=0 forgotten=@1d1h
> set 203.0.113.5 until=@1h
> level 1 sshd 203.0.113.5 forgotten=@1d1h

# An offence during the ban prolongs it at its own level: the level rises once a ban.
+30m
fail sshd 203.0.113.5
levels
> prolong #1 sshd 203.0.113.5 until=@1h30m failures=2 first=@0s level=0 forgotten=@1d1h30m
> set 203.0.113.5 until=@1h30m
> level 1 sshd 203.0.113.5 forgotten=@1d1h30m

+90m
fail sshd 203.0.113.5
> expire #1 sshd 203.0.113.5 until=@1h30m failures=2 first=@0s level=0 forgotten=@1d1h30m
> ban #2 sshd 203.0.113.5 until=@4h failures=1 first=@2h level=1 forgotten=@1d4h
> set 203.0.113.5 until=@4h

# A restart forgets no level; four times an hour is beyond the cap.
+2h
restart
fail sshd 203.0.113.5
> expire #2 sshd 203.0.113.5 until=@4h failures=1 first=@2h level=1 forgotten=@1d4h
> ban #1 sshd 203.0.113.5 until=@7h failures=1 first=@4h level=2 forgotten=@1d7h
> set 203.0.113.5 until=@7h

# A ban by hand for a stated time neither uses nor raises a level; another address has its own.
ban sshd 203.0.113.6 for=5m
levels
> ban #2 sshd 203.0.113.6 until=@4h5m manual
> set 203.0.113.6 until=@4h5m
> level 3 sshd 203.0.113.5 forgotten=@1d7h

+27h
levels
fail sshd 203.0.113.5
> expire #2 sshd 203.0.113.6 until=@4h5m manual
> expire #1 sshd 203.0.113.5 until=@7h failures=1 first=@4h level=2 forgotten=@1d7h
> ban #3 sshd 203.0.113.5 until=@1d8h failures=1 first=@1d7h level=0 forgotten=@2d8h
> set 203.0.113.5 until=@1d8h
