# escape=`
# buildah 1.28 takes backslashes for escapes in values whatever the directive says.
# differs: ^config Env: .*ESCAPED=.KEPT.* \| .*ESCAPED=`.*C:dir
# An ARG after an ENV wins with BuildKit; with buildah ENV always does.
# differs: ^config Labels: .*given.* \| .*environment
# differs: ^file environment-wins:
# differs: ^file second:
ARG BASE=busybox
ARG GLOBAL=global
FROM ${BASE} AS one
ARG GLOBAL
ARG LOCAL=local-$GLOBAL
ARG GIVEN=default
ARG UNSET
RUN echo "$GLOBAL $LOCAL $GIVEN ${UNSET:-unset}" `
    >/values
ENV GIVEN=environment
RUN echo "$GIVEN" >/environment-wins
ARG GIVEN=again
RUN echo "$GIVEN" >>/environment-wins

FROM one
RUN echo "${GLOBAL:-not here} ${LOCAL:-nor here} $GIVEN" >/second
ARG TARGETOS
ARG TARGETPLATFORM
ENV KEPT=${TARGETOS} PLATFORM=$TARGETPLATFORM WINDOWS=C:\dir ESCAPED=`$KEPT
LABEL l="${GIVEN}"
WORKDIR /w/${KEPT}
