# Places of mounts are not left in the image, as with BuildKit.
# differs: ^file var/cache(/x)?: none \| directory
FROM busybox AS maker
RUN mkdir /made && echo from-stage >/made/file
FROM busybox
RUN --mount=type=bind,source=tree,target=/bound cat /bound/plain >/from-context
RUN --mount=type=bind,from=maker,source=/made,target=/mnt/made cp /mnt/made/file /from-stage
RUN --mount=type=cache,target=/var/cache/x echo kept >/var/cache/x/file
RUN --mount=type=cache,target=/var/cache/x cp /var/cache/x/file /from-cache
RUN --mount=type=tmpfs,target=/scratch echo gone >/scratch/file
RUN --mount=type=secret,id=word,target=/run/word wc -c </run/word >/length-of-secret
