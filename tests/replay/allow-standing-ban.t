# Allowing does not lift by itself; bans wholly inside the entry can be lifted, wider ones stay.
jail sshd maxretry=1
ban sshd 203.0.113.5
ban sshd 203.0.113.0/24
> ban #1 sshd 203.0.113.5 until=@1d manual
> set 203.0.113.5 until=@1d
> ban #2 sshd 203.0.113.0/24 until=@1d manual
> set 203.0.113.0/24 until=@1d

allow 203.0.113.4/30
lift-inside 203.0.113.4/30
bans
> unban #1 sshd 203.0.113.5 until=@1d manual [allowed now]
> del 203.0.113.5
> lifted 1
> ban #2 sshd 203.0.113.0/24 until=@1d manual
