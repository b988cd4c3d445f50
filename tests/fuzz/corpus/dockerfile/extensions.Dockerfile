ARG A=1
PARAM MODE:debug|release=debug
FROM scratch
IF $A == 1 AND NOT $MODE IN release x
FOR tool IN gcc "make $A"
RUN install ${tool} <<E
$tool
E
END
ELSE IF $B
INCLUDE loop
ELSE
INCLUDE other
END
