# A jail that counts the bans of others: its attempts come by hand, without a line.
jail sshd maxretry=1 bantime=10m
jail recidive maxretry=3 findtime=1d bantime=7d
fail sshd 203.0.113.5
fail recidive 203.0.113.5 rule=banned
+1h
fail sshd 203.0.113.5
fail recidive 203.0.113.5 rule=banned
+1h
fail sshd 203.0.113.5
fail recidive 203.0.113.5 rule=banned
> ban #1 sshd 203.0.113.5 until=@10m failures=1 first=@0s
> set 203.0.113.5 until=@10m
> expire #1 sshd 203.0.113.5 until=@10m failures=1 first=@0s
> ban #2 sshd 203.0.113.5 until=@1h10m failures=1 first=@1h
> set 203.0.113.5 until=@1h10m
> expire #2 sshd 203.0.113.5 until=@1h10m failures=1 first=@1h
> ban #3 sshd 203.0.113.5 until=@2h10m failures=1 first=@2h
> set 203.0.113.5 until=@2h10m
> ban #4 recidive 203.0.113.5 until=@7d2h failures=3 first=@0s rule=banned
> set 203.0.113.5 until=@7d2h

# The short ban's end opens nothing.
+1h
elements
> expire #3 sshd 203.0.113.5 until=@2h10m failures=1 first=@2h
> set 203.0.113.5 until=@7d2h
