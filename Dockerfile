# The images of usher:
#
#   usher            the HTTP API, and the command line
#   usher-worker     the workflows and all connectors
#   usher-simulator  a fake Jira and a small directory, for development
#
#   docker build --target usher-worker -t usher-worker .
#
# Each holds one static program, the certificates of the public authorities, and nothing else: no shell, no package
# manager. Time zones are inside the program. They run as user 65532, and write nowhere but to what is mounted (the
# simulator: /var/lib/simulator).
#
# PROGRAMS says where the programs come from: "build" compiles them here, in GO_IMAGE; "local" takes what
# `make image-programs` has put into bin/image, so no other image is needed.
ARG GO_IMAGE=golang:1.26.8-bookworm
ARG PROGRAMS=build

FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
WORKDIR /src
ARG GOPROXY
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ENV CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH
# -o for each: a folder as -o would name the programs after their packages.
RUN mkdir -p /out/state && \
    cp /etc/ssl/certs/ca-certificates.crt /out/ && \
    for program in usher=./starter usher-worker=./worker usher-simulator=./internal/simulator; do \
      go build -trimpath -tags timetzdata -ldflags '-s -w' -o "/out/${program%%=*}" "${program#*=}" || exit 1; \
    done

FROM scratch AS local
COPY bin/image/ /out/

FROM ${PROGRAMS} AS programs

FROM scratch AS image
COPY --from=programs /out/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ARG VERSION=devel
ARG REVISION=unknown
LABEL org.opencontainers.image.vendor="usher" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM image AS usher-simulator
LABEL org.opencontainers.image.title="usher-simulator" \
      org.opencontainers.image.description="A fake Jira and a small SCIM directory, to try usher with"
COPY --from=programs /out/usher-simulator /usr/local/bin/usher-simulator
COPY --from=programs --chown=65532:65532 /out/state /var/lib/simulator
EXPOSE 8081 8082
ENTRYPOINT ["/usr/local/bin/usher-simulator"]
CMD ["-jira-addr", "0.0.0.0:8081", "-scim-addr", "0.0.0.0:8082", "-state", "/var/lib/simulator"]

FROM image AS usher-worker
LABEL org.opencontainers.image.title="usher-worker" \
      org.opencontainers.image.description="The workflows of usher, and its connectors to desks, targets and sources"
COPY --from=programs /out/usher-worker /usr/local/bin/usher-worker
ENTRYPOINT ["/usr/local/bin/usher-worker"]
CMD ["-config", "/etc/usher/usher-worker.yaml"]

FROM image AS usher
LABEL org.opencontainers.image.title="usher" \
      org.opencontainers.image.description="The HTTP API of usher, and its command line"
COPY --from=programs /out/usher /usr/local/bin/usher
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/usher"]
CMD ["serve", "--config", "/etc/usher/usher.yaml"]
