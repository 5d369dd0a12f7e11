# A ban that a person lifts was a mistake: its level is forgotten, whether it still stands or not.
jail sshd maxretry=1 bantime=1h factor=2 max=1d forget=7d
fail sshd 203.0.113.5
+2h
fail sshd 203.0.113.5
unban 203.0.113.5
levels
fail sshd 203.0.113.5
> ban #1 sshd 203.0.113.5 until=@1h failures=1 first=@0s level=0 forgotten=@7d1h
> set 203.0.113.5 until=@1h
> expire #1 sshd 203.0.113.5 until=@1h failures=1 first=@0s level=0 forgotten=@7d1h
> ban #2 sshd 203.0.113.5 until=@4h failures=1 first=@2h level=1 forgotten=@7d4h
> set 203.0.113.5 until=@4h
> unban #2 sshd 203.0.113.5 until=@4h failures=1 first=@2h level=1 forgotten=@7d4h [by hand]
> del 203.0.113.5
> lifted 1
> ban #3 sshd 203.0.113.5 until=@3h failures=1 first=@2h level=0 forgotten=@7d3h
> set 203.0.113.5 until=@3h

+2h
unban all
levels
> expire #3 sshd 203.0.113.5 until=@3h failures=1 first=@2h level=0 forgotten=@7d3h
> lifted 0
