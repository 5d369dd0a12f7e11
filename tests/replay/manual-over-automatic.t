# A command prolongs what stands, never shortens it, and makes it a person's ban.
jail sshd maxretry=2 bantime=1h
fail sshd 203.0.113.5 times=2
> ban #1 sshd 203.0.113.5 until=@1h failures=2 first=@0s
> set 203.0.113.5 until=@1h

ban sshd 203.0.113.5 for=10m reason=enough
> prolong #1 sshd 203.0.113.5 until=@1h manual failures=2 first=@0s reason=enough

ban sshd 203.0.113.5 for=forever
> prolong #1 sshd 203.0.113.5 until=forever manual failures=2 first=@0s reason=enough
> set 203.0.113.5 until=forever

fail sshd 203.0.113.5 times=2
+100d
unban 203.0.113.5
> prolong #1 sshd 203.0.113.5 until=forever manual failures=4 first=@0s reason=enough
> unban #1 sshd 203.0.113.5 until=forever manual failures=4 first=@0s reason=enough [by hand]
> del 203.0.113.5
> lifted 1
