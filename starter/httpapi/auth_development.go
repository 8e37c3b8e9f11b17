package httpapi

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"usher/internal/access"
)

// headerPerson is whom development mode believes.
const headerPerson = "X-Usher-Person"

// Development believes the header X-Usher-Person. It is for one machine only.
type Development struct{}

var _ Authenticator = (*Development)(nil)

// NewDevelopment makes the development authenticator. Invalid unless the address is on a loopback interface, for
// anybody who reaches the address is whoever they say.
func NewDevelopment(address string) (*Development, error) {
	if !Loopback(address) {
		return nil, access.Errorf(access.Invalid, "use development identity",
			"auth.mode: development believes every caller, so http.address must be on loopback (127.0.0.1 or ::1), found %q; expected that, or auth.mode: oidc", address)
	}
	return &Development{}, nil
}

// Loopback reports whether only this machine reaches host:port.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Authenticate takes the caller's word for it.
func (*Development) Authenticate(r *http.Request) (Caller, error) {
	person := r.Header.Get(headerPerson)
	if person == "" {
		return Caller{}, &UnauthenticatedError{Reason: "expected the header " + headerPerson + " with the id of a person (development mode)"}
	}
	if !validPerson(person) {
		return Caller{}, &UnauthenticatedError{Reason: headerPerson + ": " + personExpected(), Offered: true}
	}
	return Caller{Person: access.PersonID(person), Evidence: "development header"}, nil
}

// Ready is always nil: it asks nobody.
func (*Development) Ready(context.Context) error { return nil }

// Warning is the text for every caller about this mode.
func (*Development) Warning() string { return "identity is not checked" }

func validPerson(id string) bool {
	return id != "" && len(fittingID("", id, access.Limits().Caller)) == 0
}

func personExpected() string {
	return fmt.Sprintf("expected the id of a person, 1 to %d bytes of UTF-8 without control characters", access.Limits().Caller.Bytes)
}
