# An address that two origins allow stays allowed until both have given it up.
jail sshd maxretry=1
allow 203.0.113.5 group=config
allow 203.0.113.5 group=command for=1h
disallow 203.0.113.5 group=config
fail sshd 203.0.113.5
+1h
fail sshd 203.0.113.5
disallow 203.0.113.5 group=command
> refused #0 sshd 203.0.113.5 until=@1d failures=1 first=@0s [allowed by 203.0.113.5]
> ban #1 sshd 203.0.113.5 until=@1d1h failures=1 first=@1h
> set 203.0.113.5 until=@1d1h
> disallow answered 6
