FROM busybox AS maker
WORKDIR /out
RUN echo one >one && chmod 4755 one && ln -s one symbolic && mkdir -p sub/empty && echo two >sub/two && chown -R 12:13 sub \
 && mkdir -m 1777 sticky && mkfifo fifo && ln -s /out/sub elsewhere && mkdir -m 700 closed && echo x >closed/x && ln -s nowhere dangling
FROM busybox
COPY --from=maker /out /all
COPY --from=0 /out/one /out/sub/two /picked/
COPY --from=maker /out/sub /sub
COPY --from=maker /out/s* /starred/
COPY --from=maker /out/elsewhere/two /behind-link
COPY --from=maker --chown=1:2 /out/sub /owned
COPY --from=maker out/one relative
COPY --from=busybox /bin/busybox /tools/busybox
