package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
	"usher/workflows"
)

// readsPage looks at the run's page now and then, and remembers whether a text stood there.
func (r *runs) readsPage(text string) *bool {
	seen := new(bool)
	var look func()
	look = func() {
		*seen = *seen || strings.Contains(r.details(), text)
		r.at(r.passed()+10*time.Minute, look)
	}
	r.at(time.Minute, look)
	return seen
}

// refusedFact is a fact that the ledger refuses for good.
type refusedFact struct {
	name  string
	event access.EventType
	// granted reports whether the access is granted all the same; nil where that is left open.
	granted *bool
}

func refusedFacts() []refusedFact {
	yes, no := true, false
	return []refusedFact{
		{"that it was submitted", access.EventSubmitted, nil},
		{"what policy demands", access.EventRequired, nil},
		{"that its ticket was opened", access.EventTicketOpened, nil},
		{"that somebody was reminded", access.EventReminded, &yes},
		{"its decision", access.EventDecided, &no},
		{"that a grant was asked for", access.EventGrantRequested, &no},
		{"its end", access.EventEnded, &yes},
		{"that its ticket was closed", access.EventTicketClosed, &yes},
	}
}

// A fact that the ledger refuses for good ends nothing but what rests on it.
func TestDefect08(t *testing.T) {
	for _, kind := range []access.Kind{access.Conflict, access.Invalid} {
		for _, fact := range refusedFacts() {
			t.Run("a request, "+fact.name+" is refused as "+string(kind), func(t *testing.T) { refusedInARequest(t, kind, fact) })
		}
		for name, event := range map[string]access.EventType{
			"the grant": access.EventLeaseGranted, "that it ends": access.EventLeaseEnding, "its end": access.EventLeaseEnded,
		} {
			t.Run("a person, "+name+" of a lease is refused as "+string(kind), func(t *testing.T) { refusedInALease(t, kind, event) })
		}
	}
	t.Run("a subject whose id is too long for the ledger ends", func(t *testing.T) { tooLongSubject(t, false) })
	t.Run("a subject whose id is too long for the ledger can be cancelled", func(t *testing.T) { tooLongSubject(t, true) })
}

func refusedInARequest(t *testing.T, kind access.Kind, fact refusedFact) {
	t.Parallel()
	r := requestRuns(t, nil)
	var ledger *refusingLedger
	r.each(func() { ledger = r.refusing(refusesEvents(kind, fact.event)) })
	seen := r.readsPage(why)
	var decided *answer
	r.at(30*time.Hour, func() { decided = r.decide("mia", access.Approve) })
	r.at(30*time.Hour+time.Minute, func() { require.True(t, decided.done, "the caller is answered") })
	r.mustEndBy(2 * day)
	result := r.outcomeOf(r.request("wiki/editor"))
	require.Positive(t, ledger.refused)
	require.True(t, result.Outcome.Ended())
	require.Equal(t, result.Outcome.KeepsAccess(), len(r.target.Members("wiki-editors")) == 1, "outcome %s", result.Outcome)
	if fact.granted != nil {
		require.Equal(t, *fact.granted, result.Outcome.KeepsAccess(), "outcome %s", result.Outcome)
		require.Equal(t, *fact.granted, len(r.ensures) > 0, "no message rests on a fact that the ledger does not have")
	}
	require.True(t, *seen || strings.Contains(r.details(), why), "operators are told what the ledger refuses")
}

func refusedInALease(t *testing.T, kind access.Kind, event access.EventType) {
	t.Parallel()
	r := newHolderRuns(t)
	refuses := refusesEvents(kind, event)
	var ledger *refusingLedger
	r.each(func() {
		ledger = r.refusing(func(e access.Entry) error {
			for _, one := range e.Events {
				if one.Lease == "r1:1" {
					return refuses(access.Entry{Events: []access.Event{one}})
				}
			}
			return nil
		})
	})
	seen := r.readsPage(why)
	r.asks(0, lease("r1:1", "wiki-editors", 2*time.Hour))
	// Access whose grant is refused is taken away at once; another lease keeps the run.
	r.asks(0, lease("r3:1", "vault", 4*time.Hour))
	r.asks(time.Hour, lease("r2:1", "wiki-admins", 2*time.Hour))
	r.members(2*time.Hour, "wiki-admins", "ana")
	r.members(150*time.Minute, "wiki-editors")
	r.members(4*time.Hour, "wiki-admins")
	r.asks(5*time.Hour, lease("r4:1", "vault", time.Hour))
	r.mustEndBy(2 * day)
	r.run()
	require.Positive(t, ledger.refused)
	require.Empty(t, r.target.Members("wiki-editors"))
	require.Equal(t, access.LeaseEnded, r.known("r2:1").State)
	for _, answer := range r.holder.answers {
		if event == access.EventLeaseGranted && answer.Lease == "r1:1" {
			require.NotEqual(t, access.LeaseActive, answer.State, "no message rests on a fact that the ledger does not have")
		}
	}
	require.True(t, *seen || strings.Contains(r.details(), why), "operators are told what the ledger refuses")
}

// tooLongSubject asks for somebody whose id the API takes and the ledger does not.
func tooLongSubject(t *testing.T, cancelled bool) {
	t.Parallel()
	r := requestRuns(t, nil)
	subject := access.PersonID(strings.Repeat("𝔘", 200))
	r.source.Put(access.Person{ID: subject, DisplayName: "Ulla", Email: "ulla@example.test", Manager: "mia", Active: true})
	r.target.AddAccounts(subject)
	request := r.request("wiki/editor")
	request.Subject = subject
	if cancelled {
		r.at(time.Hour, func() { r.env.CancelWorkflow() })
	} else {
		r.approves(time.Hour, "mia")
	}
	r.mustEndBy(2 * day)
	err := r.toEnd(workflows.AccessRequestParams{Request: request})
	require.Empty(t, r.target.Members("wiki-editors"))
	if cancelled && err != nil {
		var stopped *temporal.CanceledError
		require.ErrorAs(t, err, &stopped)
		return
	}
	// It may also be refused before anybody can cancel it.
	require.NoError(t, err)
	var result workflows.RequestResult
	require.NoError(t, r.env.GetWorkflowResult(&result))
	require.False(t, result.Outcome.KeepsAccess(), "outcome %s", result.Outcome)
}
