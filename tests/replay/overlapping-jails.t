# An element lasts as long as the last jail that wants it: jails cannot lift each other's bans.
jail sshd bantime=1h
jail nginx bantime=2h
ban sshd 203.0.113.5
ban nginx 203.0.113.5
elements
> ban #1 sshd 203.0.113.5 until=@1h manual
> set 203.0.113.5 until=@1h
> ban #2 nginx 203.0.113.5 until=@2h manual
> set 203.0.113.5 until=@2h
> set 203.0.113.5 until=@2h

# The later one goes: back to the other's end.
unban 203.0.113.5 jail=nginx
> unban #2 nginx 203.0.113.5 until=@2h manual [by hand]
> set 203.0.113.5 until=@1h
> lifted 1

# A third that ends earlier changes nothing, nor does its going.
ban nginx 203.0.113.5 for=10m
unban 203.0.113.5 jail=nginx
elements
> ban #3 nginx 203.0.113.5 until=@10m manual
> unban #3 nginx 203.0.113.5 until=@10m manual [by hand]
> lifted 1
> set 203.0.113.5 until=@1h

ban nginx 203.0.113.5
+1h
elements
> ban #4 nginx 203.0.113.5 until=@2h manual
> set 203.0.113.5 until=@2h
> expire #1 sshd 203.0.113.5 until=@1h manual
> set 203.0.113.5 until=@2h
