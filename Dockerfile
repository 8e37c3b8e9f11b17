# One image with usher's programs, static, on nothing: docker run usher /usher-worker
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /out/usher ./starter \
 && CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /out/usher-worker ./worker \
 && CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /out/usher-simulator ./internal/simulator

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/share/zoneinfo /usr/share/zoneinfo
COPY --from=build /out/ /
USER 65532:65532
CMD ["/usher"]
