# A witness that names the session gives it to the attempt: the session's success takes it back.
jail dovecot maxretry=3
fail dovecot 203.0.113.5 witness=1
+2s
fail dovecot 203.0.113.5 witness=2 session=7 span=10
> counts 0

success dovecot 203.0.113.5 session=7
fail dovecot 203.0.113.5 witness=1
fail dovecot 203.0.113.5 witness=1
windows
> window dovecot 203.0.113.5: @2s*1 @2s*1

# Attempts of one session are not another's.
fail dovecot 203.0.113.6 witness=1 session=8
fail dovecot 203.0.113.6 witness=2 session=9
windows
> window dovecot 203.0.113.5: @2s*1 @2s*1
> window dovecot 203.0.113.6: @2s*1/8 @2s*1/9

