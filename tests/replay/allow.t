# An allowed source is refused at the last step, and the note names the entry.
jail sshd maxretry=2
allow 192.0.2.0/24 origin=bailiff.yaml:7
allow 192.0.2.8/29 origin=nearer
fail sshd 192.0.2.1 times=2
> refused #0 sshd 192.0.2.1 until=@1d failures=2 first=@0s [allowed by 192.0.2.0/24 (bailiff.yaml:7)]

fail sshd 192.0.2.9 times=2
> refused #0 sshd 192.0.2.9 until=@1d failures=2 first=@0s [allowed by 192.0.2.8/29 (nearer)]

# One allowed host of a /64: as the deciding source it is refused, else the rest is banned and it is excepted.
allow 2001:db8::5
fail sshd 2001:db8::6
fail sshd 2001:db8::5
> refused #0 sshd 2001:db8::/64 until=@1d failures=2 first=@0s source=2001:db8::5 [allowed by 2001:db8::5]

fail sshd 2001:db8::6 times=2
> ban #1 sshd 2001:db8::/64 until=@1d failures=2 first=@0s source=2001:db8::6 [except 2001:db8::5]
> set 2001:db8::/64 until=@1d

disallow 192.0.2.8/29
disallow 192.0.2.8/29
fail sshd 192.0.2.9 times=2
> disallow answered 6
> refused #0 sshd 192.0.2.9 until=@1d failures=2 first=@0s [allowed by 192.0.2.0/24 (bailiff.yaml:7)]

bans
> ban #1 sshd 2001:db8::/64 until=@1d failures=2 first=@0s source=2001:db8::6
