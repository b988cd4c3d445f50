FROM debian:12 AS a
COPY --from=tool / /
FROM debian:12 AS tool
FROM a
