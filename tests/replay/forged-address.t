# A line that names an address which is nobody's is refused, not enforced: it would hurt DHCP or neighbour discovery.
jail sshd maxretry=1
fail sshd 0.0.0.0
fail sshd 255.255.255.255
fail sshd ff02::1
> refused #0 sshd 0.0.0.0 until=@1d failures=1 first=@0s [no packet can have 0.0.0.0 as its source]
> refused #0 sshd 255.255.255.255 until=@1d failures=1 first=@0s [no packet can have 255.255.255.255 as its source]
> refused #0 sshd ff02::/64 until=@1d failures=1 first=@0s source=ff02::1 [no packet can have ff02::/64 as its source]
