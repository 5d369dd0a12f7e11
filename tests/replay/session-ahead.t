# One attempt on two lines: the first counts ahead, the second is the same attempt.
jail sshd findtime=10m maxretry=5
fail sshd 203.0.113.5 session=7 count=ahead
fail sshd 203.0.113.5 session=7
windows
> counts 0
> window sshd 203.0.113.5: @0s*1/7

# Further failures of the session are attempts of their own.
fail sshd 203.0.113.5 session=7
fail sshd 203.0.113.5 session=7

# Another session's line is not the one that was counted ahead.
fail sshd 203.0.113.5 session=8 count=ahead
windows
> window sshd 203.0.113.5: @0s*1/7 @0s*1/7 @0s*1/7 @0s*1!/8

fail sshd 203.0.113.5 session=9
> ban #1 sshd 203.0.113.5 until=@1d failures=5 first=@0s
> set 203.0.113.5 until=@1d

# The ban used it up, but its later line is still no new attempt.
windows
fail sshd 203.0.113.5 session=8
> window sshd 203.0.113.5: @0s*0/7 @0s*0/7 @0s*0/7 @0s*0!/8 @0s*0/9
> counts 0

fail sshd 203.0.113.5 session=8
