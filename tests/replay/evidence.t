# A ban keeps its latest ten lines, oldest first, made printable.
jail sshd maxretry=12
fail sshd 203.0.113.5 line=first
fail sshd 203.0.113.5 line=second
fail sshd 203.0.113.5 line=third rule=r3
+1m
fail sshd 203.0.113.5 line=more times=8
fail sshd 203.0.113.5 line=back\slash rule=r12 at=-30s
evidence
> ban #1 sshd 203.0.113.5 until=@1d30s failures=12 first=@0s rule=r12
> set 203.0.113.5 until=@1d30s
> 203.0.113.5 1. @0s r3: third
> 203.0.113.5 10. @1m : more
> 203.0.113.5 2. @30s r12: back\\slash
> 203.0.113.5 3. @1m : more
> 203.0.113.5 4. @1m : more
> 203.0.113.5 5. @1m : more
> 203.0.113.5 6. @1m : more
> 203.0.113.5 7. @1m : more
> 203.0.113.5 8. @1m : more
> 203.0.113.5 9. @1m : more
