package config

import (
	"net/netip"
	"regexp"
	"strings"
)

const serviceHost = "_SERVICE_HOST"

var (
	// ofService is what follows the name of a Service in the variables that Kubernetes sets for it (kubernetes.io, "Accessing the Service").
	ofService = regexp.MustCompile(`^_(?:SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$`)
	number    = regexp.MustCompile(`^[0-9]{1,5}$`)
	protocol  = regexp.MustCompile(`^(?:tcp|udp|sctp)$`)
	address   = regexp.MustCompile(`^(?:tcp|udp|sctp)://(.+):[0-9]{1,5}$`)
)

// setByKubernetes reports whether Kubernetes has set a variable for a Service in the same namespace: in a namespace with a Service "usher" each container
// has USHER_PORT, USHER_SERVICE_HOST and others. They are known by their names, by their values, and by the Service's address, which must be there too.
func (o *overrides) setByKubernetes(name string) bool {
	for other, host := range o.environ {
		service, is := strings.CutSuffix(other, serviceHost)
		if !is || !isAddress(host) {
			continue
		}
		if rest, of := strings.CutPrefix(name, service); of && (rest == serviceHost || fitsService(rest, o.environ[name], host)) {
			return true
		}
	}
	return false
}

// fitsService reports whether a variable of a Service has a value as Kubernetes sets it, and its name as well.
func fitsService(rest, value, host string) bool {
	switch {
	case !ofService.MatchString(rest):
		return false
	case strings.HasSuffix(rest, "_PROTO"):
		return protocol.MatchString(value)
	case strings.HasSuffix(rest, "_ADDR"):
		return value == host
	case strings.HasPrefix(rest, "_SERVICE_PORT"), rest != "_PORT" && strings.HasSuffix(rest, "_PORT"):
		return number.MatchString(value)
	}
	found := address.FindStringSubmatch(value)
	return found != nil && strings.Trim(found[1], "[]") == host
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}
