package access

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// The identifiers are distinct string types, so that the compiler refuses one in place of another. None of them
// is ever an e-mail address or a display name: both change, and both are personal data.
type (
	// RequestID names one access request for ever. It is chosen by the client or by the gateway; 1 to 64 of the
	// characters a-z A-Z 0-9 . _ -
	RequestID string
	// ItemID names one item within its request: "1", "2", ... in the order in which they were asked.
	ItemID string
	// LeaseID names one lease for ever: "<request id>:<item id>".
	LeaseID string
	// PersonID is the source's stable, opaque id of one human.
	PersonID string
	// EntitlementID is "<application>/<role>" as declared in the catalog.
	EntitlementID string
	// DeskName, TargetName and SourceName are the names that the configuration gives to a service desk, to a
	// system where access is granted and to an identity source.
	DeskName   string
	TargetName string
	SourceName string
	// TicketID is the desk's immutable id of a ticket; TicketKey is what people read and what a move changes.
	TicketID  string
	TicketKey string
	// AccountID is the desk's opaque id of one account.
	AccountID string
	// Marker is the token that a ticket or a comment carries so that it can be found again; it has no spaces.
	Marker string
)

// Application returns the id of the application that declares the entitlement.
func (e EntitlementID) Application() string {
	application, _, _ := strings.Cut(string(e), "/")
	return application
}

// Request returns the id of the lease's request.
func (l LeaseID) Request() RequestID {
	request, _, _ := strings.Cut(string(l), ":")
	return RequestID(request)
}

// LeaseIDOf names the lease that one granted item of a request becomes.
func LeaseIDOf(request RequestID, item ItemID) LeaseID {
	return LeaseID(string(request) + ":" + string(item))
}

// MarkerOf returns what the marker of a request's ticket begins with. It can be known, so it proves nothing; see NewMarker.
func MarkerOf(request RequestID) Marker { return Marker("usher-" + string(request)) }

// NewMarker returns the whole marker that the ticket of a request carries. first is the id of the request's first run, which
// nobody on the desk knows, and which a later request of the same id does not have. So no ticket that was there before can be
// taken for the request's own. The same arguments return the same marker.
func NewMarker(request RequestID, first string) Marker {
	sum := sha256.Sum256([]byte(string(request) + "\x00" + first))
	return MarkerOf(request) + Marker(":"+hex.EncodeToString(sum[:nonceBytes]))
}

// nonceBytes is how many bytes of a marker cannot be guessed.
const nonceBytes = 8

// IsOf reports whether a marker is that of a request's ticket, of whichever run.
func (m Marker) IsOf(request RequestID) bool {
	nonce, found := strings.CutPrefix(string(m), string(MarkerOf(request))+":")
	return found && len(nonce) == 2*nonceBytes && !strings.Contains(nonce, ":")
}

// RemovalMarkerOf is the marker that the ticket carries which asks a human to take a lease's access away.
func RemovalMarkerOf(lease LeaseID) Marker { return Marker("usher-removal-" + string(lease)) }

// ValidRequestID reports whether a string may name a request. "." and ".." may not: in a path they are another one.
func ValidRequestID(s string) bool {
	if s == "" || s == "." || s == ".." || len(s) > Limits().Request.Bytes {
		return false
	}
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
		default:
			return false
		}
	}
	return true
}
