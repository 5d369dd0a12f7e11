# A line that stands for several: "message repeated 3 times".
jail sshd maxretry=5
fail sshd 203.0.113.5 session=7 count=ahead
fail sshd 203.0.113.5 session=7 attempts=3
> counts 2

windows
> window sshd 203.0.113.5: @0s*1/7 @0s*2/7

fail sshd 203.0.113.5 session=8 attempts=2
> ban #1 sshd 203.0.113.5 until=@1d failures=5 first=@0s
> set 203.0.113.5 until=@1d

