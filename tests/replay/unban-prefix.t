# A prefix lifts what covers it, what equals it and what lies in it; its neighbours stay.
jail sshd
ban sshd 203.0.112.0/20
ban sshd 203.0.113.0/24
ban sshd 203.0.113.6
ban sshd 203.0.112.6
ban sshd 2001:db8::1
> ban #1 sshd 203.0.112.0/20 until=@1d manual
> set 203.0.112.0/20 until=@1d
> ban #2 sshd 203.0.113.0/24 until=@1d manual
> set 203.0.113.0/24 until=@1d
> ban #3 sshd 203.0.113.6 until=@1d manual
> set 203.0.113.6 until=@1d
> ban #4 sshd 203.0.112.6 until=@1d manual
> set 203.0.112.6 until=@1d
> ban #5 sshd 2001:db8::1 until=@1d manual
> set 2001:db8::1 until=@1d

unban 203.0.113.0/24
> unban #1 sshd 203.0.112.0/20 until=@1d manual [by hand]
> del 203.0.112.0/20
> unban #2 sshd 203.0.113.0/24 until=@1d manual [by hand]
> del 203.0.113.0/24
> unban #3 sshd 203.0.113.6 until=@1d manual [by hand]
> del 203.0.113.6
> lifted 3

unban all
elements
> unban #4 sshd 203.0.112.6 until=@1d manual [by hand]
> del 203.0.112.6
> unban #5 sshd 2001:db8::1 until=@1d manual [by hand]
> del 2001:db8::1
> lifted 2

unban all
> lifted 0
