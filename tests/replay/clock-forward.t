# A clock that was set right: what is over is over, what is not lasts until its time.
jail sshd findtime=10m maxretry=5 bantime=1h
ban sshd 203.0.113.5
ban sshd 203.0.113.6 for=forever
ban sshd 203.0.113.7 for=2d
> ban #1 sshd 203.0.113.5 until=@1h manual
> set 203.0.113.5 until=@1h
> ban #2 sshd 203.0.113.6 until=forever manual
> set 203.0.113.6 until=forever
> ban #3 sshd 203.0.113.7 until=@2d manual
> set 203.0.113.7 until=@2d

jump 1d
elements
> expire #1 sshd 203.0.113.5 until=@1h manual
> set 203.0.113.6 until=forever
> set 203.0.113.7 until=@2d
