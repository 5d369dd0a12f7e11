# A ban happens that is not expected.
jail sshd maxretry=1
fail sshd 203.0.113.5
