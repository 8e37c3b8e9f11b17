package desk

import (
	"context"
	"sync/atomic"
	"time"

	"usher/internal/access"
)

// Desk is a service desk over a driver. It keeps nothing but what it learned about the desk: usher's own account, what
// tickets are opened with, and the accounts of people whom usher has looked for lately. Safe for concurrent use; it never
// retries and never waits.
type Desk struct {
	driver Driver
	traits Traits
	config Config
	name   access.DeskName

	self   atomic.Pointer[proof]
	schema atomic.Pointer[Schema]
	// accounts are those of people whom usher has looked for lately.
	accounts accounts
}

var _ access.ServiceDesk = (*Desk)(nil)

// New returns the desk of that name; its texts name configuration keys as "desks.<name>.<key>". It calls nobody: wrong
// names show in Check and at the first ticket. The configuration is valid (see Config.Validate).
func New(driver Driver, c Config, name access.DeskName) *Desk {
	d := &Desk{driver: driver, traits: driver.Traits(), config: c, name: name}
	if d.traits.Now == nil {
		d.traits.Now = time.Now
	}
	return d
}

// manyTickets is how many tickets are read at once.
const manyTickets = 100

// MaxPages bounds every walk over pages, against a server that never comes to an end.
const MaxPages = 100

// How old a proof of the credentials may be: before a page of changes is read, before an empty page of changes is believed,
// and before another empty answer is.
const (
	proofLife      = 5 * time.Minute
	emptyProofLife = time.Minute
	proofLasts     = time.Minute
)

// proof is what the desk said of the credentials, and when by usher's clock.
type proof struct {
	Self
	at time.Time
}

// checkCredentials asks the desk who we are, and so whether the credentials are good: calls that anonymous users may make
// answer bad ones with emptiness.
func (d *Desk) checkCredentials(ctx context.Context, op string) (Self, error) {
	self, err := d.driver.Self(ctx, op)
	if err != nil {
		return Self{}, err
	}
	d.self.Store(&proof{Self: self, at: d.traits.Now()})
	return self, nil
}

// proven returns usher's own account, by a proof that is no older than that.
func (d *Desk) proven(ctx context.Context, op string, age time.Duration) (access.AccountID, error) {
	if known := d.self.Load(); known != nil && d.traits.Now().Sub(known.at) < age {
		return known.Account, nil
	}
	self, err := d.checkCredentials(ctx, op)
	return self.Account, err
}

// me returns usher's own account.
func (d *Desk) me(ctx context.Context, op string) (access.AccountID, error) {
	if known := d.self.Load(); known != nil {
		return known.Account, nil
	}
	self, err := d.checkCredentials(ctx, op)
	return self.Account, err
}

// confirmNotFound makes sure that an error NotFound is about the ticket and not about us.
func (d *Desk) confirmNotFound(ctx context.Context, op string, err error) error {
	if !access.IsKind(err, access.NotFound) {
		return err
	}
	if _, bad := d.checkCredentials(ctx, op); bad != nil {
		return bad
	}
	return err
}

// noID is the error for what cannot be the id of a ticket.
func (d *Desk) noID(ctx context.Context, op string, id access.TicketID) error {
	return d.confirmNotFound(ctx, op, access.Errorf(access.NotFound, op, "%q is not the id of a ticket", id))
}

// ref is where a ticket is, in usher's words.
func (d *Desk) ref(r Ref) access.TicketRef {
	return access.TicketRef{Desk: d.name, ID: r.ID, Key: r.Key, URL: r.URL}
}
