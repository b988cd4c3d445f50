FROM busybox
RUN mkdir /there && echo old >/there/plain && ln -s there /link && chmod 750 /there && chown 7:7 /there
COPY tree /whole
COPY tree/ /whole-with-slash/
COPY tree/plain /named
COPY tree/plain /made/on/the/way/
COPY tree/plain tree/script /two/
COPY tree/*.txt /globbed/
COPY tree/[ab].txt /classes/
COPY tree/sub* /subs/
COPY tree /there
COPY tree/plain /link/through
COPY tree/link-to-file /link-copied
COPY tree/link-to-dir /dir-behind-link/
COPY --chown=33:34 tree /owned
COPY --chown=www-data tree/plain /by-name/deep/file
COPY --chown=nobody:nogroup tree/script /by-names
COPY --chmod=0600 tree/plain tree/script /moded/
WORKDIR /place/dir
COPY tree/plain .
COPY tree/plain tree/script ./
COPY ["tree/name with spaces", "tree/plain", "json form/"]
COPY . /all/
ENV PLACE=/from-env
COPY tree/a.txt $PLACE/${PLACE}.copy
USER nobody
COPY tree/plain /of-nobody/
WORKDIR /made-by-nobody
