# Process ids return: after ten minutes the same number is another session.
jail sshd findtime=1d maxretry=9
fail sshd 203.0.113.5 session=7 count=ahead
+10m
fail sshd 203.0.113.5 session=7
> counts 0

fail sshd 203.0.113.6 session=7 count=ahead
+10m1s
fail sshd 203.0.113.6 session=7
fail sshd 203.0.113.6 session=7 count=once
windows
> counts 0
> window sshd 203.0.113.5: @0s*1/7
> window sshd 203.0.113.6: @10m*1!/7 @20m1s*1/7
