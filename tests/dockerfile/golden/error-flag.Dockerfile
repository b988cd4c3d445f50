FROM debian:12
COPY --chmown=1:1 \
  . /app
