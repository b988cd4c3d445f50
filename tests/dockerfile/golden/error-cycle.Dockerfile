FROM debian:12 AS a
COPY --from=b / /
FROM a AS b
COPY x y
