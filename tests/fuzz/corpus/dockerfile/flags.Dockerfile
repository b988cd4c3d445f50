FROM a
# check=skip=all;error=true
RUN --device=x,required --network=none <<A <<-B
1
A
	2
	B
ADD --checksum=sha256:00 --unpack http://x/y git@h:p.git /z/
UNSET ENV a
LAYER
PKG deb: a b
HEALTHCHECK NONE
