# IPv6 counts and is banned by /64, whichever address of it fails; translated addresses by themselves.
jail sshd maxretry=2
fail sshd 2001:db8:1:2::5
fail sshd 2001:db8:1:2:ffff::6
> ban #1 sshd 2001:db8:1:2::/64 until=@1d failures=2 first=@0s source=2001:db8:1:2:ffff::6
> set 2001:db8:1:2::/64 until=@1d

fail sshd 2001:db8:1:3::5
fail sshd 64:ff9b::c000:201
fail sshd 64:ff9b::c000:202

fail sshd 64:ff9b::c000:202
> ban #2 sshd 64:ff9b::c000:202 until=@1d failures=2 first=@0s
> set 64:ff9b::c000:202 until=@1d

# v4-mapped is the IPv4 host.
fail sshd ::ffff:203.0.113.5
fail sshd 203.0.113.5
> ban #3 sshd 203.0.113.5 until=@1d failures=2 first=@0s
> set 203.0.113.5 until=@1d
