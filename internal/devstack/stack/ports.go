package stack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"
)

// The ports that a person finds again: those of Options.FixedPorts.
const (
	PortTemporal   = 7233
	PortTemporalUI = 8233
	PortDesk       = 8081
	PortDirectory  = 8082
	PortAPI        = 8080
)

const loopback = "127.0.0.1"

// ports picks addresses on loopback. No two picks are the same.
type ports struct {
	fixed bool
	say   func(format string, args ...any)
	given map[string]bool
}

// pick returns an address on the wished port, or on a free one, with a note, when it is taken. Without fixed ports, or
// with a wish of 0, every port is a free one.
func (p *ports) pick(ctx context.Context, name string, wish int) (string, error) {
	if p.fixed && wish != 0 {
		address := net.JoinHostPort(loopback, strconv.Itoa(wish))
		if !p.given[address] && free(ctx, address) {
			return p.give(address), nil
		}
	}
	for range 100 {
		address, err := freeAddress(ctx)
		if err != nil {
			return "", fmt.Errorf("find a free port for %s: %w", name, err)
		}
		if p.given[address] {
			continue
		}
		if p.fixed && wish != 0 {
			p.say("port %d is taken; %s uses %s", wish, name, address)
		}
		return p.give(address), nil
	}
	return "", fmt.Errorf("find a free port for %s: none is left", name)
}

func (p *ports) give(address string) string {
	if p.given == nil {
		p.given = map[string]bool{}
	}
	p.given[address] = true
	return address
}

// free reports whether nobody has the port. A server on all interfaces does not keep a second one from loopback on every
// system, so whoever answers has it too.
func free(ctx context.Context, address string) bool {
	if conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address); err == nil {
		_ = conn.Close()
		return false
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	return err == nil && listener.Close() == nil
}

// The ports that are tried first: below those from which systems take the ports of outgoing connections, one of which would
// otherwise now and then have taken the port before the program that it is for.
const (
	firstPort = 10_240
	lastPort  = 32_767
	attempts  = 20
)

func freeAddress(ctx context.Context) (string, error) {
	for range attempts {
		address := net.JoinHostPort(loopback, strconv.Itoa(firstPort+rand.IntN(lastPort-firstPort+1)))
		if free(ctx, address) {
			return address, nil
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
