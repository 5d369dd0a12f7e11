# unban lifts every ban that covers the address, in all jails, and all that lie in a prefix.
jail sshd
jail nginx bantime=2d
ban sshd 203.0.113.5
ban nginx 203.0.113.5
ban sshd 203.0.113.0/24
ban sshd 203.0.113.6
> ban #1 sshd 203.0.113.5 until=@1d manual
> set 203.0.113.5 until=@1d
> ban #2 nginx 203.0.113.5 until=@2d manual
> set 203.0.113.5 until=@2d
> ban #3 sshd 203.0.113.0/24 until=@1d manual
> set 203.0.113.0/24 until=@1d
> ban #4 sshd 203.0.113.6 until=@1d manual
> set 203.0.113.6 until=@1d

unban 203.0.113.5
> unban #3 sshd 203.0.113.0/24 until=@1d manual [by hand]
> del 203.0.113.0/24
> unban #1 sshd 203.0.113.5 until=@1d manual [by hand]
> unban #2 nginx 203.0.113.5 until=@2d manual [by hand]
> del 203.0.113.5
> lifted 3
