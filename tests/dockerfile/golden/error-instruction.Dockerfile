FROM debian:12
COPYY . /app
