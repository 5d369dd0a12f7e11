# What a person may not ban, and what the answer says to do.
jail sshd
allow 192.0.2.0/24 origin=bailiff.yaml:7
ban sshd 192.0.2.77
> answered 1: 192.0.2.77 was not banned: it lies in 192.0.2.0/24, which is allowed (bailiff.yaml:7); to ban it, first take that line out and run: bailiffctl reload

ban sshd 192.0.2.0/24 force
> answered 1: 192.0.2.0/24 was not banned: it lies in 192.0.2.0/24, which is allowed (bailiff.yaml:7); to ban it, first take that line out and run: bailiffctl reload

ban sshd 192.0.0.0/7
> answered 2: 192.0.0.0/7 was not banned: it is wider than /8; narrow it, or repeat with --force if you mean it

ban sshd 2000::/15
> answered 2: 2000::/15 was not banned: it is wider than /16; narrow it, or repeat with --force if you mean it

ban ssh 203.0.113.5
> answered 3: there is no jail "ssh"; bailiffctl status names those that there are

ban sshd 0.0.0.0
> answered 4: 0.0.0.0 was not banned: no packet can have it as its source; give the address of a host

ban sshd 224.0.0.0/4
> answered 4: 224.0.0.0/4 was not banned: no packet can have it as its source; give the address of a host

ban sshd ff02::1
> answered 4: ff02::1 was not banned: no packet can have it as its source; give the address of a host

# /8 and /16 themselves pass, and wider ones with --force; a covered allowed address is excepted.
ban sshd 192.0.0.0/8
ban sshd 2000::/16
ban sshd 192.0.0.0/7 force
> ban #1 sshd 192.0.0.0/8 until=@1d manual [except 192.0.2.0/24]
> set 192.0.0.0/8 until=@1d
> ban #2 sshd 2000::/16 until=@1d manual
> set 2000::/16 until=@1d
> ban #3 sshd 192.0.0.0/7 until=@1d manual [except 192.0.2.0/24]
> set 192.0.0.0/7 until=@1d

allow 192.0.3.1
allow 192.0.3.2
allow 192.0.3.3
ban sshd 192.0.0.0/16
> ban #4 sshd 192.0.0.0/16 until=@1d manual [except 192.0.2.0/24, 192.0.3.1, 192.0.3.2 and 1 more]
> set 192.0.0.0/16 until=@1d
