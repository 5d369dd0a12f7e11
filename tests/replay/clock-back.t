# A clock that went back (or a machine without one at boot): no ban lasts longer than it was meant to.
jail sshd bantime=1h
ban sshd 203.0.113.5
+30m
elements
> ban #1 sshd 203.0.113.5 until=@1h manual
> set 203.0.113.5 until=@1h
> set 203.0.113.5 until=@1h

jump -10d
elements
> set 203.0.113.5 until=@-9d22h30m

# Set right again, the rest of the time is the rest of the time.
jump 10d
elements
> set 203.0.113.5 until=@1h
