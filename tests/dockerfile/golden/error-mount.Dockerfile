FROM debian:12
RUN --mount=type=cahce,target=/x make
