FROM debian:12
RUN --mount=type=cachee,target=/x make
