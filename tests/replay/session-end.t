# The end of a session settles what was ahead; the failures stay.
jail sshd maxretry=3
fail sshd 203.0.113.5 session=7 count=ahead
end sshd 203.0.113.5 session=7
windows
> window sshd 203.0.113.5: @0s*1

fail sshd 203.0.113.5 session=7
end sshd 203.0.113.5 session=7
fail sshd 203.0.113.5 session=8 count=ahead
> ban #1 sshd 203.0.113.5 until=@1d failures=3 first=@0s
> set 203.0.113.5 until=@1d

end sshd 203.0.113.5 session=8
windows

# A session that is over leaves no traces; the next of the same number starts anew.
end sshd 203.0.113.5 session=7
fail sshd 203.0.113.5 session=8 count=once
windows
> window sshd 203.0.113.5: @0s*1/8
