# Everything goes on after a restart: windows, sessions, bans, ids.
jail sshd findtime=10m maxretry=3 bantime=1h
jail gone bantime=1h ports=tcp/25
fail sshd 203.0.113.5 session=7 count=ahead
fail sshd 203.0.113.5
ban sshd 203.0.113.9 reason=x
ban gone 203.0.113.9 for=2h
> ban #1 sshd 203.0.113.9 until=@1h manual reason=x
> set 203.0.113.9 until=@1h
> ban #2 gone 203.0.113.9 until=@2h manual
> set 203.0.113.9 tcp/25 until=@2h

# Nothing is made or due for the store by restoring.
+1m
restart without=gone
drain
bans
elements
windows
> ban #1 sshd 203.0.113.9 until=@1h manual reason=x
> ban #2 gone 203.0.113.9 until=@2h manual
> set 203.0.113.9 tcp/25 until=@2h
> set 203.0.113.9 until=@1h
> window sshd 203.0.113.5: @0s*1!/7 @0s*1

fail sshd 203.0.113.5 session=7
fail sshd 203.0.113.5
> counts 0
> ban #3 sshd 203.0.113.5 until=@1h1m failures=3 first=@0s
> set 203.0.113.5 until=@1h1m

# A jail that is not configured any more keeps its bans, and gets no new ones.
ban gone 203.0.113.10
unban 203.0.113.9
> answered 3: there is no jail "gone"; bailiffctl status names those that there are
> unban #1 sshd 203.0.113.9 until=@1h manual reason=x [by hand]
> del 203.0.113.9
> unban #2 gone 203.0.113.9 until=@2h manual [by hand]
> del 203.0.113.9 tcp/25
> lifted 2
