# By hand: exactly what was named, for as long as was said.
jail sshd bantime=1d
ban sshd 203.0.113.5
ban sshd 203.0.113.6 for=1h reason=scans
ban sshd 203.0.113.7 for=forever
ban sshd 198.51.100.0/24 for=1h
ban sshd 2001:db8::1
> ban #1 sshd 203.0.113.5 until=@1d manual
> set 203.0.113.5 until=@1d
> ban #2 sshd 203.0.113.6 until=@1h manual reason=scans
> set 203.0.113.6 until=@1h
> ban #3 sshd 203.0.113.7 until=forever manual
> set 203.0.113.7 until=forever
> ban #4 sshd 198.51.100.0/24 until=@1h manual
> set 198.51.100.0/24 until=@1h
> ban #5 sshd 2001:db8::1 until=@1d manual
> set 2001:db8::1 until=@1d

covering 198.51.100.77
> ban #4 sshd 198.51.100.0/24 until=@1h manual

covering 198.51.0.0/16

+10d
bans
> expire #2 sshd 203.0.113.6 until=@1h manual reason=scans
> expire #4 sshd 198.51.100.0/24 until=@1h manual
> expire #5 sshd 2001:db8::1 until=@1d manual
> expire #1 sshd 203.0.113.5 until=@1d manual
> ban #3 sshd 203.0.113.7 until=forever manual
