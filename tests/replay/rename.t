# Another name: the same bans, windows and levels, and nothing changes in the kernel.
jail ssh maxretry=2 bantime=1h factor=2 max=1d forget=1d
fail ssh 203.0.113.5 times=2
fail ssh 203.0.113.6
> ban #1 ssh 203.0.113.5 until=@1h failures=2 first=@0s level=0 forgotten=@1d1h
> set 203.0.113.5 until=@1h

drain
> window ssh 203.0.113.6: @0s*1

rename ssh sshd
levels
windows
> change #1 sshd 203.0.113.5 until=@1h failures=2 first=@0s level=0 forgotten=@1d1h [renamed]
> level 1 sshd 203.0.113.5 forgotten=@1d1h
> window sshd 203.0.113.6: @0s*1

drain
> window ssh 203.0.113.6: gone
> window sshd 203.0.113.6: @0s*1

fail sshd 203.0.113.6
fail ssh 203.0.113.6
> ban #2 sshd 203.0.113.6 until=@1h failures=2 first=@0s level=0 forgotten=@1d1h
> set 203.0.113.6 until=@1h
> hit answered 1
