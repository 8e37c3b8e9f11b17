package activities_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
)

// Somebody whose id is long, as a distinguished name or a federated id is, leaves. What starts the workflow that holds their leases has a summary
// with the whole id, longer than Temporal takes (200 bytes by its documentation, 400 by the server's defaults). It refuses the message as
// invalid, which counts as delivered and is noted as sent: nobody tells that workflow ever again, and the leaver keeps every access. A grant has no
// such trouble: its summary has the name.
func TestAttackLeavers_leaver_with_a_long_id_is_never_told(t *testing.T) {
	r := newRoom(t)
	id := access.PersonID(strings.Repeat("i", 256))
	require.True(t, access.Limits().Person.Fits(string(id)))
	r.applied(t, access.ClassLeaver, id)
	_, err := r.notify(t, "directory")
	require.NoError(t, err)
	require.Len(t, r.post.ensures, 1)
	require.LessOrEqual(t, len(r.post.ensures[0].options.StaticSummary), 200)
}

// A workflow that cannot take a message now, for its run has had as many signals as Temporal takes, answers as one that never will: InvalidArgument.
// That the leaver's leases must end is noted as sent though nobody has heard of it, and no later run says it again.
func TestAttackLeavers_refused_word_is_noted_as_sent(t *testing.T) {
	r := newRoom(t)
	r.applied(t, access.ClassLeaver, "ana")
	r.post.impossible["access/ana"] = true
	_, err := r.notify(t, "directory")
	require.NoError(t, err)
	r.post.impossible["access/ana"] = false
	_, err = r.notify(t, "directory")
	require.NoError(t, err)
	require.Len(t, r.post.ensures, 1, "the holder of the leaver's leases has never been told")
}

// The first of two people cannot be told now, and holds up everybody behind: each attempt begins with the same person.
func TestAttackLeavers_one_who_cannot_be_told_now_holds_up_others(t *testing.T) {
	r := newRoom(t)
	r.approves(t, "r1", "ana", "omar")
	r.applied(t, access.ClassLeaver, "ana", "ben")
	r.post.deaf["request/r1"] = true
	_, err := r.notify(t, "directory")
	require.Error(t, err)
	var told []string
	for _, s := range r.post.ensures {
		told = append(told, s.id)
	}
	require.Contains(t, told, "access/ben", "what ben holds must end, whoever else cannot be reached")
}

// Somebody who has left approves a later stage of a request. The record of the request with its first stage tells nobody, so that whoever has left
// is shown as an approver, and asked the moment that the stage opens.
func TestAttackLeavers_recorded_with_a_leaver_in_a_later_stage(t *testing.T) {
	r := newRoom(t)
	r.Source = "directory"
	r.applied(t, access.ClassLeaver, "omar")
	view := access.RequestView{
		Request: access.Request{ID: "r1", Requester: "ana", Subject: "ana", SubmittedAt: monday}, State: access.StateAwaitingApproval, Version: 1,
		WaitingOn: []access.Waiting{{Person: "mia"}}, Approvers: []access.PersonID{"mia", "omar"},
	}
	_, err := r.Record(t.Context(), activities.RecordInput{Entries: []access.Entry{{View: &view}}})
	require.NoError(t, err)
	require.Len(t, r.post.signals, 1)
}
