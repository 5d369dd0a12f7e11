# A summary alone decides, with the number that it states.
jail dovecot maxretry=5
fail dovecot 203.0.113.5 witness=2 attempts=4 span=20
+1m
fail dovecot 203.0.113.5 witness=2 attempts=3 span=20
> ban #1 dovecot 203.0.113.5 until=@1d1m failures=7 first=@0s
> set 203.0.113.5 until=@1d1m

# What a ban has used up stays told: the late witness does not count it again.
+1s
fail dovecot 203.0.113.5 witness=1 span=15
> counts 0

windows
> window dovecot 203.0.113.5: @0s*0 @0s*0 @0s*0 @0s*0 @1m*0 @1m*0 @1m*0

