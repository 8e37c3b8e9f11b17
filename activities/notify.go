package activities

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
)

// How requests are told of people, in the workflows' spelling.
const (
	RequestPrefix       = "request/"
	SignalPersonChanged = "person_changed"
)

// NotifyOfPeopleInput names a source whose applied changes are notified, and the workflow that holds a person's leases, in the workflows' spelling.
type NotifyOfPeopleInput struct {
	Source        access.SourceName `json:"source"`
	SubjectPrefix string            `json:"subject_prefix"`
	SubjectType   string            `json:"subject_type"`
	Signal        string            `json:"signal"`
	TaskQueue     string            `json:"task_queue"`
}

// NotifyOfPeopleResult is how many people's changes were sent, and how many requests were notified of one.
type NotifyOfPeopleResult struct {
	People   int `json:"people"`
	Requests int `json:"requests"`
	// Refused is of how many people Temporal did not take a message. It is tried again by the next run.
	Refused int `json:"refused,omitempty"`
}

// NotifyOfPeople notifies the workflows that hold people's leases of who has left and who is back, and the requests that go on of changes of
// people whom they rest on. Nobody is notified of a source in which nobody is looked up. Safe to repeat: what was sent is noted, and a message
// that comes twice changes nothing.
func (a *People) NotifyOfPeople(ctx context.Context, c NotifyOfPeopleInput) (NotifyOfPeopleResult, error) {
	var sent NotifyOfPeopleResult
	if c.Source != a.Follows {
		return sent, nil
	}
	// Nobody waits for somebody who cannot be reached now.
	var failed error
	for after, more := access.PersonID(""), true; more; {
		page, err := a.Ledger.PendingNotices(ctx, c.Source, after, peoplePage)
		if err != nil {
			return sent, translate(err)
		}
		for _, n := range page {
			requests, err := a.notify(ctx, c, n)
			after = n.Standing.Person
			activity.RecordHeartbeat(ctx, sent)
			switch {
			case err == nil:
				sent.People, sent.Requests = sent.People+1, sent.Requests+requests
			case impossible(err):
				sent.Refused++
			case failed == nil:
				failed = err
			}
		}
		more = len(page) == peoplePage
	}
	return sent, translate(failed)
}

// notify notifies everybody of one change, and returns how many requests were notified.
func (a *People) notify(ctx context.Context, c NotifyOfPeopleInput, n access.PersonNotice) (int, error) {
	if err := a.notifySubject(ctx, c, n.Standing); err != nil {
		return 0, err
	}
	requests := 0
	for after, more := access.RequestID(""), true; more; {
		page, err := a.Ledger.RequestsAbout(ctx, n.Standing.Person, after, requestsPage)
		if err != nil {
			return requests, err
		}
		for _, id := range page {
			if err := notifyRequest(ctx, a.Client, id, n); err != nil {
				return requests, err
			}
			after = id
			requests++
			activity.RecordHeartbeat(ctx)
		}
		more = len(page) == requestsPage
	}
	return requests, a.Ledger.NoticeSent(ctx, n)
}

// requestsPage is how many requests about one person are read at once.
const requestsPage = 100

// notifySubject notifies the workflow that holds a person's leases. It is started for somebody who has left: it reads in the ledger what it must end.
func (a *People) notifySubject(ctx context.Context, c NotifyOfPeopleInput, s access.Standing) error {
	id := c.SubjectPrefix + string(s.Person)
	message := access.SubjectStanding{Standing: s, Order: a.LeaveOrder}
	if s.Revision == 0 {
		// Somebody who has never left has another manager only.
		return nil
	}
	if !s.Absent {
		return delivered(a.Client.SignalWorkflow(ctx, id, "", c.Signal, message))
	}
	_, err := a.Client.SignalWithStartWorkflow(ctx, id, c.Signal, message, client.StartWorkflowOptions{
		ID: id, TaskQueue: c.TaskQueue, StaticSummary: accessOf(string(s.Person)), TypedSearchAttributes: subjectAttribute(s.Person),
	}, c.SubjectType, subjectParams{Subject: s.Person})
	return delivered(err)
}

// notifyRequest notifies a request of a change of a person. One that does not run any more needs no word.
func notifyRequest(ctx context.Context, to Messenger, id access.RequestID, n access.PersonNotice) error {
	return delivered(to.SignalWorkflow(ctx, RequestPrefix+string(id), "", SignalPersonChanged, n))
}

// delivered returns why a message has not reached a workflow: nil where nobody is there to be told.
func delivered(err error) error {
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return nil
	}
	return err
}

// notifyOfAbsent notifies requests whose record was just written of who has left of those whom they rest on: a run over people that has looked for
// such requests may have done so before. The source is that where people are looked up; nobody is told without one.
func (a *Records) notifyOfAbsent(ctx context.Context, entries []access.Entry) error {
	if a.Source == "" {
		return nil
	}
	for _, e := range entries {
		if e.View == nil || e.View.State.Ended() {
			continue
		}
		people := []access.PersonID{e.View.Request.Subject}
		if e.View.State == access.StateAwaitingApproval {
			people = append(people, e.View.Approvers...)
		}
		standings, err := a.Ledger.Standings(ctx, a.Source, people...)
		if err != nil {
			return err
		}
		for _, s := range standings {
			if !s.Absent {
				continue
			}
			if err := notifyRequest(ctx, a.Client, e.View.Request.ID, access.PersonNotice{Standing: s, Source: a.Source}); err != nil {
				return err
			}
		}
	}
	return nil
}

// ReadStandings returns the standing of those of some people who have left, or who are back, by id. The others have never left.
func (a *Records) ReadStandings(ctx context.Context, people []access.PersonID) ([]access.Standing, error) {
	if a.Source == "" {
		return nil, nil
	}
	standings, err := a.Ledger.Standings(ctx, a.Source, people...)
	return standings, translate(err)
}
