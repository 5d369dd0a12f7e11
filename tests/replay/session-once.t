# A closing line counts only if its session has told no attempt.
jail sshd maxretry=2
fail sshd 203.0.113.5 session=7
fail sshd 203.0.113.5 session=7 count=once
> counts 0

fail sshd 203.0.113.5 session=8 count=once
> ban #1 sshd 203.0.113.5 until=@1d failures=2 first=@0s
> set 203.0.113.5 until=@1d

# Not even against the next ban.
fail sshd 203.0.113.5 session=7 count=once
fail sshd 203.0.113.5 session=8 count=once
> counts 0
> counts 0
