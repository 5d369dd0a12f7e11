# unban empties the windows of the address, so one mistype after it does not ban again.
jail sshd maxretry=5
jail nginx maxretry=5
fail sshd 203.0.113.5 times=4
fail nginx 203.0.113.5 times=4
fail sshd 203.0.113.6 session=7 count=ahead
fail sshd 2001:db8::5 times=4
unban 203.0.113.5 jail=sshd
windows
> lifted 0
> window nginx 203.0.113.5: @0s*1 @0s*1 @0s*1 @0s*1
> window sshd 2001:db8::/64: @0s*1 @0s*1 @0s*1 @0s*1
> window sshd 203.0.113.6: @0s*1!/7

fail sshd 203.0.113.5
unban 2001:db8::77
unban 203.0.112.0/20
windows
> lifted 0
> lifted 0

# What was ahead is forgotten too: the line counts.
fail sshd 203.0.113.6 session=7
windows
> window sshd 203.0.113.6: @0s*1/7
