FROM debian:12
COPPY . /app
