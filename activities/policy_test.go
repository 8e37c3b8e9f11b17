package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/internal/policy"
)

const catalogYAML = `
applications:
  - id: wiki
    name: Wiki
    owners: [omar]
    entitlements:
      - {role: editor, title: Wiki editor, fulfilment: scim, target: directory, target_role: wiki-editors, max_duration: 30d, stages: [manager]}
`

func newPolicy(t *testing.T) *activities.Policy {
	t.Helper()
	catalog, err := policy.Parse([]byte(catalogYAML))
	require.NoError(t, err)
	return &activities.Policy{Catalog: catalog, Source: "directory", Desk: "jira", Settings: map[access.DeskName]access.RequestSettings{
		"jira": {Desk: "jira", ChangeDetection: access.DetectByWatch, SearchIndexDelay: access.Duration(time.Minute)},
		"rt":   {Desk: "rt", ChangeDetection: access.DetectByWatch},
	}}
}

func people() []access.Person {
	return []access.Person{
		{ID: "ana", DisplayName: "Ana", Manager: "mia", Active: true},
		{ID: "mia", DisplayName: "Mia", Active: true},
		{ID: "omar", DisplayName: "Omar", Active: true},
	}
}

func question() access.Request {
	return access.Request{
		ID: "r1", Requester: "ana", Subject: "ana", Reason: "to write", Items: []access.Item{{ID: "1", Entitlement: "wiki/editor"}}, SubmittedAt: monday,
	}
}

func TestEvaluate_reads_people(t *testing.T) {
	p, source := newPolicy(t), memory.NewSource(people()...)
	p.People = source
	answer, err := p.Evaluate(t.Context(), activities.EvaluateInput{Request: question()})
	require.NoError(t, err)
	require.Nil(t, answer.Consult)
	require.Empty(t, answer.Refusals)
	require.Equal(t, "Ana", answer.Requirement.Subject.Name())
	require.Equal(t, access.PersonID("mia"), answer.Requirement.Items[0].Stages[0].Approvers[0].ID)
	require.Equal(t, access.DeskName("jira"), answer.Requirement.Settings.Desk)
}

func TestEvaluate_asks_for_people(t *testing.T) {
	p := newPolicy(t)
	call := activities.EvaluateInput{Request: question()}
	answer, err := p.Evaluate(t.Context(), call)
	require.NoError(t, err)
	require.NotNil(t, answer.Consult)
	require.Equal(t, access.SourceName("directory"), answer.Consult.Source)
	require.Empty(t, answer.Requirement.PolicyHash, "nothing is answered yet")

	source := &activities.Source{Port: memory.NewSource(people()...)}
	call.People, err = source.LookupPeople(t.Context(), answer.Consult.Input)
	require.NoError(t, err)
	call.PeopleRead = true
	elsewhere, err := p.Evaluate(t.Context(), call)
	require.NoError(t, err)

	p.People = memory.NewSource(people()...)
	here, err := p.Evaluate(t.Context(), activities.EvaluateInput{Request: question()})
	require.NoError(t, err)
	require.Equal(t, here, elsewhere, "the answer does not depend on who looks up")
}

func TestLookupPeople_nobody(t *testing.T) {
	p := newPolicy(t)
	answer, err := p.Evaluate(t.Context(), activities.EvaluateInput{Request: question(), PeopleRead: true})
	require.NoError(t, err)
	require.Nil(t, answer.Consult, "asking again would go round for ever")
	require.NotEmpty(t, answer.Refusals)
}

func TestEvaluate_source_unavailable(t *testing.T) {
	p, source := newPolicy(t), memory.NewSource(people()...)
	p.People = source
	source.Down(true)
	_, err := p.Evaluate(t.Context(), activities.EvaluateInput{Request: question()})
	requireKind(t, access.Transient, err)
}

func TestCurrentSettings(t *testing.T) {
	p := newPolicy(t)
	for _, desk := range []access.DeskName{"jira", "rt"} {
		settings, err := p.CurrentSettings(t.Context(), desk)
		require.NoError(t, err)
		require.Equal(t, p.Settings[desk], settings)
	}
	settings, err := p.CurrentSettings(t.Context(), "gone")
	require.NoError(t, err)
	require.Equal(t, access.RequestSettings{
		ChangeDetection: access.DetectByWatch, SearchIndexDelay: access.Duration(time.Minute),
	}, settings, "those of the usual desk, in whose name nothing is watched")
}
