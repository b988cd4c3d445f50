FROM debian:12 AS tools
RUN apt-get update && apt-get install -y make
FROM debian:12 AS kit
ONBUILD COPY . /work
ONBUILD RUN --mount=type=bind,from=tools,source=/usr/bin,target=/tools <<MAKE
/tools/make -C /work
MAKE
ONBUILD ARG FLAVOUR=plain
FROM kit
RUN echo $FLAVOUR
