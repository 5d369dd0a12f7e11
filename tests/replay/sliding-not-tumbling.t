# A slow rate that never has five in any ten minutes does not ban, however long it goes on.
# (Fail2Ban extrapolates the earlier rate; we count.)
jail sshd findtime=10m maxretry=5
fail sshd 203.0.113.5
+2m31s
fail sshd 203.0.113.5
+2m31s
fail sshd 203.0.113.5
+2m31s
fail sshd 203.0.113.5
+2m31s
fail sshd 203.0.113.5
+2m31s
fail sshd 203.0.113.5
+2m31s
fail sshd 203.0.113.5
+2m31s
fail sshd 203.0.113.5

# Two in the tail of the old window and three more at once do.
fail sshd 203.0.113.5
> ban #1 sshd 203.0.113.5 until=@1d17m37s failures=5 first=@10m4s
> set 203.0.113.5 until=@1d17m37s
