FROM busybox
RUN mkdir -p /d/one /d/two /gone/deep /becomes-file /becomes-link && echo 1 >/d/one/file && echo 2 >/d/two/file \
 && echo f >/becomes-dir && touch /gone/deep/file /moved-from /mode /owner && echo text >/hard
RUN rm -r /gone /d/one && mkdir /d/one && echo new >/d/one/other
RUN rmdir /becomes-file /becomes-link && echo now >/becomes-file && ln -s /d /becomes-link && rm /becomes-dir && mkdir /becomes-dir
RUN mv /moved-from /moved-to && chmod 2711 /mode && chown 77:78 /owner && ln /hard /hard2 && mkfifo -m 640 /fifo
RUN mv /d /renamed && touch /renamed/two/added && umask >/umask && id -G | cut -d ' ' -f 1 >/group
RUN ["/bin/sh", "-c", "echo exec form: $0 $1 >/exec", "zero", "one"]
RUN echo a \
    # a comment between
    b >/joined
SHELL ["/bin/sh", "-e", "-c"]
RUN echo "$- " | tr -d hB >/shell-flags
USER www-data
RUN cd /tmp && echo mine >mine && env | grep -E '^(HOME|USER)=' | sort >environment
RUN rm -rf /tmp/missing
