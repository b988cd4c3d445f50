# syntax=docker/dockerfile:1.20
ARG GO_VERSION=1.24
ARG DEBIAN=bookworm

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-${DEBIAN} AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
RUN --mount=type=bind,source=go.mod,target=go.mod \
    --mount=type=bind,source=go.sum,target=go.sum \
    --mount=type=cache,target=/go/pkg/mod,sharing=locked \
    go mod download -x
COPY . .
ARG VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,id=build-$TARGETARCH,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags="-s -w -X main.version=${VERSION}" -o /out/service ./cmd/service

FROM build AS test
RUN go test ./...

FROM scratch
LABEL org.opencontainers.image.title="service" \
      # Comments may stand between the lines.
      org.opencontainers.image.licenses=Apache-2.0
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chmod=755 --link /out/service /service
USER 65532:65532
EXPOSE 8080 9090/tcp
ENTRYPOINT ["/service"]
CMD ["--listen", ":8080"]
