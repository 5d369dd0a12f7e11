# Neighbours share the on-link prefix: each counts alone. An address elsewhere counts with its /64.
jail sshd maxretry=2
singles 2001:db8:0:1::/64 2001:db8:64::/96
fail sshd 2001:db8:0:1::5
fail sshd 2001:db8:0:1::6
fail sshd 2001:db8:64::c000:205
fail sshd 2001:db8:64::c000:206
fail sshd fe80::5
fail sshd fe80::6

fail sshd 2001:db8:0:1::6
fail sshd 2001:db8:64::c000:206
fail sshd fe80::6
fail sshd 2001:db8:0:2::5
fail sshd 2001:db8:0:2::6
> ban #1 sshd 2001:db8:0:1::6 until=@1d failures=2 first=@0s
> set 2001:db8:0:1::6 until=@1d
> ban #2 sshd 2001:db8:64::c000:206 until=@1d failures=2 first=@0s
> set 2001:db8:64::c000:206 until=@1d
> ban #3 sshd fe80::6 until=@1d failures=2 first=@0s
> set fe80::6 until=@1d
> ban #4 sshd 2001:db8:0:2::/64 until=@1d failures=2 first=@0s source=2001:db8:0:2::6
> set 2001:db8:0:2::/64 until=@1d
