# buildah gives the directory the owner and mode that the archive has for '.'.
# differs: ^file (globbed|gz|plain-tar|xz): directory 0755 0:0 \| directory 0755 21:22$
# buildah takes no notice of --chown for what comes out of archives.
# differs: ^file owned(/.*)?: \w+( \d+)? 5:6 .*\| .* 21:22
FROM busybox
ADD tree.tar.gz /gz/
ADD tree.tar /plain-tar
ADD tree.tar.xz /xz/
ADD single.gz /single/
ADD tree /directory/
ADD tree/plain single.gz /several/
ADD --chown=5:6 tree.tar /owned/
COPY tree.tar /not-unpacked/
ADD *.tar /globbed/
