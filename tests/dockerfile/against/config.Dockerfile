# buildah 1.28 takes no notice of SHELL for CMD.
# differs: ^config Cmd: .*"-ec", .* \| .*"-c", 
# BuildKit lists each port of a range.
# differs: ^config ExposedPorts: .*8000/tcp.*8003/tcp.* \| .*8000-8003/tcp
FROM busybox
MAINTAINER Somebody <somebody@web.test>
ARG WHO=me
ENV ONE=1 TWO="two words" THREE=it\ is\ three
ENV OLD form of it
ENV PATH=/opt/bin:$PATH WHOSE=${WHO}s NONE=${nothing:-empty} SET=${ONE:+set} DOLLAR=\$ONE
LABEL a=b "c d"="e f" from.$WHO="$TWO"
LABEL multi="line \
continued"
EXPOSE 80 443/tcp 53/udp 8000-8003
VOLUME /data /more
VOLUME ["/json", "/other"]
WORKDIR /one
WORKDIR two/../three
USER nobody:nogroup
STOPSIGNAL SIGQUIT
SHELL ["/bin/sh", "-ec"]
HEALTHCHECK --interval=1m30s --timeout=5s --start-period=1s --retries=4 CMD wget -q -O - http://127.0.0.1/ || exit 1
ONBUILD COPY . /srv
ONBUILD RUN echo "built $WHO"
ENTRYPOINT ["/bin/echo", "$ONE"]
CMD words are "kept as they are" $ONE
