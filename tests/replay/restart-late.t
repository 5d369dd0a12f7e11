# What ended while the daemon was away is told at the first timer, without a change, so that the store marks it.
jail sshd findtime=10m maxretry=5 bantime=1h
ban sshd 203.0.113.9
fail sshd 203.0.113.5
> ban #1 sshd 203.0.113.9 until=@1h manual
> set 203.0.113.9 until=@1h

drain
> window sshd 203.0.113.5: @0s*1

sleep 2h
restart
bans
elements
> ban #1 sshd 203.0.113.9 until=@1h manual

# Restored windows may be over, too; restoring alone tells the store nothing.
drain

jump 1s
> expire #1 sshd 203.0.113.9 until=@1h manual

drain
> window sshd 203.0.113.5: gone
