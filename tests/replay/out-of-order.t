# Lines of two sources arrive out of order; the window is that of their times.
jail sshd findtime=10m maxretry=3
+1h
fail sshd 203.0.113.5 at=-9m
fail sshd 203.0.113.5
fail sshd 203.0.113.5 at=-14m

# -14m, -9m and -6m lie within ten minutes; the line at 0 has no part in it.
fail sshd 203.0.113.5 at=-6m rule=late-one
> ban #1 sshd 203.0.113.5 until=@1d54m failures=3 first=@46m rule=late-one
> set 203.0.113.5 until=@1d54m
