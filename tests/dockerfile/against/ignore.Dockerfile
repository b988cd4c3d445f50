FROM busybox
COPY . /context/
COPY tree /tree/
