// Package watch is the workflow TicketWatch: it asks one desk, again and again, which tickets changed, and has the requests
// told whose ticket somebody else than usher has changed. Webhooks only make it quicker: everything is found without them.
//
// Everything that must not be lost is in the ledger (how far the watch has come) and in the carried state (the page of a
// poll, the place of a full scan), so the watch may be ended and started again at any time.
package watch

import (
	"errors"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
)

// Params are the workflow's: what starts it, and what only a continuation brings.
type Params struct {
	Desk    access.DeskName `json:"desk"`
	Carried *state          `json:"carried,omitempty"`
}

// state is what the watch carries when it continues as new.
type state struct {
	View access.WatchPosition `json:"view"`
	// Positioned is true when View has been read from the ledger.
	Positioned bool `json:"positioned,omitempty"`
	// Settings are those of a time not long ago; nil before they have been read. SettingsAt is when they are read again.
	Settings   *access.RequestSettings `json:"settings,omitempty"`
	SettingsAt time.Time               `json:"settings_at,omitzero"`
	// Hints are tickets that webhooks told of; HintsFrom is from when on they are followed: those that come meanwhile are
	// followed together. Overflown is true when more came than are worth following one by one: a poll follows at once.
	Hints     []access.TicketID `json:"hints,omitempty"`
	HintsFrom time.Time         `json:"hints_from,omitzero"`
	Overflown bool              `json:"overflown,omitempty"`
	// Poll is the poll that is under way; nil for none. NextPollAt is when the next is due.
	Poll       *access.ChangesQuery `json:"poll,omitempty"`
	NextPollAt time.Time            `json:"next_poll_at,omitzero"`
	// Scan is where a full scan stands; nil while none is under way. ScanFrom is from when on one that failed is tried
	// again, and ScanFailures counts the failures in a row.
	Scan         *scan     `json:"scan,omitempty"`
	ScanFrom     time.Time `json:"scan_from,omitzero"`
	ScanFailures int       `json:"scan_failures,omitempty"`
	// ScanProblem is why; "" when the last step of a scan was good.
	ScanProblem string `json:"scan_problem,omitempty"`
	// Asked is where the search for tickets that ask for access stands.
	Asked asked `json:"asked,omitzero"`
	// Failures counts polls that failed in a row, and Problem says why the last one did.
	Failures int    `json:"failures,omitempty"`
	Problem  string `json:"problem,omitempty"`
}

// scan is where a full scan stands.
type scan struct {
	After access.TicketID `json:"after,omitempty"`
	Read  int             `json:"read,omitempty"`
	// Page are the tickets that are to be read now; empty when the ledger is to be asked for the next ones.
	Page []access.TicketID `json:"page,omitempty"`
}

// watch watches one desk for all of its requests. One activity is in flight at a time.
type watch struct {
	*state
	desk access.DeskName
	loop *durable.Loop
	// stopped is the cancellation's error.
	stopped error
}

const (
	// maxChanges is the most changes of one page, and maxScan how many tickets one step of a full scan reads.
	maxChanges = 100
	maxScan    = 500
	// betweenHints is the time in which hints gather after some have been followed.
	betweenHints = time.Second
	// settingsAge is how old the settings may grow: a change of the configuration reaches the watch after that time.
	settingsAge = time.Hour
	// maxHints is how many hints are followed one by one.
	maxHints = 500
)

// Workflow watches one desk for ever. It ends when today's settings say that the desk is not watched.
func Workflow(ctx workflow.Context, p Params) error {
	w := &watch{desk: p.Desk, state: p.Carried}
	if w.state == nil {
		w.state = &state{}
	}
	w.loop = durable.New(ctx, w)
	durable.OnSignal(w.loop, workflows.SignalHint, w.hint)
	if err := w.loop.Run(w.carry); err != nil {
		return err
	}
	return w.stopped
}

func (w *watch) carry() error {
	return workflow.NewContinueAsNewError(w.loop.Context(), workflows.TicketWatchType, Params{Desk: w.desk, Carried: w.state})
}

// hint takes a hint. A ticket that is hinted at twice is read once.
func (w *watch) hint(h workflows.Hint) {
	switch {
	case h.Ticket == "" || len(w.Hints) >= maxHints:
		w.Overflown = true
	case !slices.Contains(w.Hints, h.Ticket):
		w.Hints = append(w.Hints, h.Ticket)
	}
}

// Step starts what is due: hints and polls before a full scan.
func (w *watch) Step(now time.Time) {
	switch {
	case w.loop.Busy() || w.Done():
	case !now.Before(w.SettingsAt):
		w.begin()
	case w.Settings == nil:
	case w.Poll != nil:
		w.page()
	case len(w.Asked.New) > 0 && !now.Before(w.Asked.RetryAt):
		w.lookInto()
	case w.Overflown || !now.Before(w.NextPollAt):
		w.startPoll()
	case len(w.Hints) > 0 && !now.Before(w.HintsFrom):
		w.followHints(now)
	case w.scanDue(now):
		w.scanOn()
	}
	w.show()
}

// Due returns when the watch has something to do by the clock.
func (w *watch) Due() (time.Time, string) {
	switch {
	case w.loop.Busy() || w.Done():
		return time.Time{}, ""
	case w.Settings == nil:
		return w.SettingsAt, "read the settings"
	case len(w.Hints) > 0 && w.HintsFrom.Before(w.NextPollAt):
		return w.HintsFrom, "gather hints"
	case len(w.Asked.New) > 0 && w.Asked.RetryAt.Before(w.NextPollAt):
		return w.Asked.RetryAt, "look into tickets"
	}
	return w.NextPollAt, "next poll"
}

// Done reports whether there is nothing to watch.
func (w *watch) Done() bool {
	return w.stopped != nil || (w.Settings != nil && (w.Settings.ChangeDetection != access.DetectByWatch || w.Settings.Watch.Interval <= 0))
}

// Cancelled ends the watch: somebody does not want it.
func (w *watch) Cancelled() { w.stopped = workflow.ErrCanceled }

// Undecodable follows a hint that cannot be read as one that names no ticket.
func (w *watch) Undecodable(string, error) { w.Overflown = true }

// begin reads where an earlier watch stood, and today's settings.
func (w *watch) begin() {
	if !w.Positioned {
		var ledger *activities.Watch
		durable.StartLocal(w.loop, workflows.LocalQuestion(), ledger.WatchPosition, w.desk, func(view access.WatchPosition, err error) {
			if err != nil {
				w.failedToBegin(err)
				return
			}
			w.View, w.Positioned = view, true
			w.View.Desk = w.desk
		})
		return
	}
	var policy *activities.Policy
	durable.StartLocal(w.loop, workflows.LocalQuestion(), policy.CurrentSettings, w.desk, func(settings access.RequestSettings, err error) {
		if err == nil && settings.Desk == "" {
			err = errors.New("the worker does not know the desk " + string(w.desk))
		}
		if err != nil {
			w.failedToBegin(err)
			return
		}
		w.Settings, w.SettingsAt = &settings, w.loop.Now().Add(settingsAge)
	})
}

func (w *watch) failedToBegin(err error) {
	if w.loop.Leaving() {
		return
	}
	w.failed(err)
	w.SettingsAt = w.loop.Now().Add(workflows.RetryWatch.After(w.Failures))
}

// failed remembers that the desk or the ledger could not be asked; the cursor stays where it is.
func (w *watch) failed(err error) {
	if w.loop.Leaving() {
		return
	}
	w.Failures++
	w.Problem = workflows.ErrorText(err)
	workflow.GetLogger(w.loop.Context()).Warn("the watch could not ask", "connector", w.desk, "error", err)
}
