FROM alpine:3
FROM alpine:3 AS Two
COPY --from=0 /etc/passwd /
FROM busybox
COPY --from=1 /passwd /a
COPY --from=TWO /passwd /b
COPY --from=nginx:latest /etc/nginx /c
