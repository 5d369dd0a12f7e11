# Who gets in takes back the failures of that session, and only of that one.
jail sshd maxretry=4
fail sshd 203.0.113.5 session=7 times=2
fail sshd 203.0.113.5 session=8
success sshd 203.0.113.5 session=7
windows
> window sshd 203.0.113.5: @0s*1/8

success sshd 203.0.113.6 session=8
success sshd 203.0.113.5 session=0
fail sshd 203.0.113.5 times=2
windows
> window sshd 203.0.113.5: @0s*1/8 @0s*1 @0s*1

success sshd 203.0.113.5 session=8
fail sshd 203.0.113.5

fail sshd 203.0.113.5
> ban #1 sshd 203.0.113.5 until=@1d failures=4 first=@0s
> set 203.0.113.5 until=@1d
