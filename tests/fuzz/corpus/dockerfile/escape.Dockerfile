# escape=`
FROM scratch
ENV DIR="c:\temp" NAME=a`$b
WORKDIR /srv/`
data
COPY a b `
  /dest/
