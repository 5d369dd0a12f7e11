# What a jail allows stops this jail; another may ban it, and then it is banned.
jail sshd maxretry=1
jail nginx maxretry=1
allow 203.0.113.5 jail=sshd origin=sshd.yaml:4:12
fail sshd 203.0.113.5
fail nginx 203.0.113.5
> refused #0 sshd 203.0.113.5 until=@1d failures=1 first=@0s [allowed by 203.0.113.5 (sshd.yaml:4:12)]
> ban #1 nginx 203.0.113.5 until=@1d failures=1 first=@0s
> set 203.0.113.5 until=@1d

# The kernel knows nothing of it: a neighbour in the same /64 is banned alone, so that it is not kept out with it.
allow 2001:db8::5 jail=sshd
fail sshd 2001:db8::6
fail nginx 2001:db8::6
> ban #2 sshd 2001:db8::6 until=@1d failures=1 first=@0s
> set 2001:db8::6 until=@1d
> ban #3 nginx 2001:db8::/64 until=@1d failures=1 first=@0s source=2001:db8::6
> set 2001:db8::/64 until=@1d

# A person who bans a prefix around it has to insist.
ban sshd 203.0.113.0/24
ban sshd 203.0.113.0/24 for=1h force
> answered 1: 203.0.113.0/24 was not banned: it would keep out 203.0.113.5, which jail sshd allows (sshd.yaml:4:12); ban narrower prefixes, allow it for the whole host, or repeat with --force if you mean it
> ban #4 sshd 203.0.113.0/24 until=@1h manual
> set 203.0.113.0/24 until=@1h
