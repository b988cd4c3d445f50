# buildah 1.28 forgets the SHELL of a stage that it goes on from.
# differs: ^config Entrypoint: .*"/bin/ash", .* \| .*"/bin/sh", 
# buildah makes the directories of volumes, BuildKit leaves that to who runs the image.
# differs: ^file v2?: none \| directory
FROM busybox AS first
ENV A=1 B=2
LABEL keep=yes replace=no
EXPOSE 1
VOLUME /v
WORKDIR /w
CMD ["first"]
HEALTHCHECK CMD true
USER 1:1
SHELL ["/bin/ash", "-c"]

FROM first AS second
ENV A=$B B=new C=$B
LABEL replace=yes
EXPOSE 2
VOLUME /v2
ENTRYPOINT echo shell form
HEALTHCHECK NONE
WORKDIR below

FROM second
USER 0
RUN echo $A $B $C >/values; pwd >>/values; id -u >>/values
CMD ["third"]
