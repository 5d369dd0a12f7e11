# One source stands at the present when another is read from an hour ago: old lines still make a window.
jail sshd findtime=10m maxretry=3
+2h
fail sshd 203.0.113.5
fail sshd 203.0.113.5 at=-1h
fail sshd 203.0.113.5 at=-59m

fail sshd 203.0.113.5 at=-58m
> ban #1 sshd 203.0.113.5 until=@1d1h2m failures=3 first=@1h
> set 203.0.113.5 until=@1d1h2m
