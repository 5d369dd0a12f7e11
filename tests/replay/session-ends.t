# A failure may be its session's last line: the same process then serves the next client with nothing counted.
jail postfix maxretry=5
fail postfix 203.0.113.5 session=7
fail postfix 203.0.113.5 session=7 count=once ends
> counts 0

fail postfix 203.0.113.5 session=7 count=once ends
fail postfix 203.0.113.5 session=7 count=once ends
windows
> window postfix 203.0.113.5: @0s*1 @0s*1 @0s*1

