package desktest

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"usher/internal/connectors/fakewire"
)

// DeskConfig is what a Desk starts with. Wire.JSON, Wire.Refuse and Hooks.Headers are required.
type DeskConfig struct {
	StoreConfig
	// Wire is what the vendor's answers are like; its clocks are filled in.
	Wire fakewire.Config
	// Hooks is how the vendor delivers webhooks.
	Hooks HooksConfig
}

// Desk is a running fake: a Store under a lock, the wire before it, the webhooks behind it, and the control surface beside it,
// by which tests and people do what people do at a desk. A vendor's fake embeds it, and serves its routes on Mux by Operation.
// Its methods are safe for concurrent use; Store is used only within Operation and With. Close it when it is no longer needed.
type Desk struct {
	*fakewire.Wire
	Mux   *http.ServeMux
	Store *Store
	Hooks *Hooks
	mu    sync.Mutex
}

// NewDesk makes a desk without tickets. It reads no state file (see Restore) and listens nowhere: serve Mux with net/http.
func NewDesk(cfg DeskConfig) *Desk {
	d := &Desk{Mux: http.NewServeMux(), Store: NewStore(cfg.StoreConfig)}
	cfg.Wire.Now, cfg.Wire.Date = d.Store.Clock, d.Store.Now
	d.Wire = fakewire.New(cfg.Wire)
	if cfg.Hooks.Log == nil {
		cfg.Hooks.Log = slog.New(slog.DiscardHandler)
	}
	d.Hooks = NewHooks(cfg.Hooks)
	d.routeControl()
	d.routePages()
	return d
}

// Restore goes on with the tickets of the state file: see Store.Restore.
func (d *Desk) Restore() error { return d.With(d.Store.Restore) }

// Close ends the delivery of webhooks and every call that waits, and closes the state file. Undelivered events are lost. It
// is safe to repeat.
func (d *Desk) Close() error {
	d.Wire.Close()
	d.Hooks.Close()
	return d.With(d.Store.Close)
}

// With runs something under the desk's lock.
func (d *Desk) With(run func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return run()
}

// Operation returns the way of a call of the API through the stations of package fakewire. run is run under the desk's lock.
func (d *Desk) Operation(op fakewire.Operation, run func(*fakewire.Call) *fakewire.Answer) http.HandlerFunc {
	return d.Handler(op, func(c *fakewire.Call) *fakewire.Answer {
		d.mu.Lock()
		defer d.mu.Unlock()
		return run(c)
	})
}

// SwitchFaults replaces the faults that every desk has; own replaces the vendor's, under the same lock.
func (d *Desk) SwitchFaults(w fakewire.Faults, s StoreFaults, h HookFaults, own func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Wire.SetFaults(w)
	d.Store.SetFaults(s)
	d.Hooks.SetFaults(h)
	own()
}

// Refusal is why a person cannot do something, in words for tests and pages.
type Refusal struct {
	Status int
	Text   string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Text }

func refuse(status int, format string, args ...any) error {
	return &Refusal{Status: status, Text: fmt.Sprintf(format, args...)}
}

// refuseFields refuses values, by the ids of their fields; nil when nothing is wrong with any.
func refuseFields(problems map[string]string) error {
	var texts []string
	for _, id := range slices.Sorted(maps.Keys(problems)) {
		if problems[id] != "" {
			texts = append(texts, id+": "+problems[id])
		}
	}
	if texts == nil {
		return nil
	}
	return refuse(http.StatusBadRequest, "%s", strings.Join(texts, " "))
}

// as runs a change of a ticket by an account, under the lock.
func (d *Desk) as(account, idOrKey string, run func(*Ticket, *Account) error) error {
	return d.With(func() error {
		a := d.Store.Account(account)
		switch {
		case a == nil:
			return refuse(http.StatusBadRequest, "There is no account %q.", account)
		case d.Store.Inactive(a):
			return refuse(http.StatusForbidden, "The account %q is not active.", account)
		}
		t, err := d.find(idOrKey)
		if err == nil && t.Archived {
			err = refuse(http.StatusBadRequest, "The %s is archived. Restore it before you change it.", d.Store.dialect.Noun)
		}
		if err != nil {
			return err
		}
		return run(t, a)
	})
}

// asFirst runs a change of a ticket by the site's first account, under the lock.
func (d *Desk) asFirst(idOrKey string, run func(*Ticket, *Account) error) error {
	return d.With(func() error {
		t, err := d.find(idOrKey)
		if err != nil {
			return err
		}
		return run(t, &d.Store.people.list[0])
	})
}

func (d *Desk) find(idOrKey string) (*Ticket, error) {
	t, exists := d.Store.Find(idOrKey)
	if !exists {
		noun := d.Store.dialect.Noun
		return nil, refuse(http.StatusNotFound, "%s does not exist or you do not have permission to see it.", strings.ToUpper(noun[:1])+noun[1:])
	}
	return t, nil
}

// statusOf returns the status with which a refusal is answered.
func statusOf(err error) int {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Status
	}
	return http.StatusInternalServerError
}
