package policy_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"usher/internal/access"
	"usher/internal/policy"
)

// scenario is one file of testdata/scenarios: a rule, and an example that shows it.
type scenario struct {
	Rule string `json:"rule"`
	// Desk is where the ticket is; "" for the usual desk.
	Desk    access.DeskName `json:"desk,omitempty"`
	Catalog json.RawMessage `json:"catalog"`
	People  []access.Person `json:"people"`
	// Absent are people who have left, whatever the source says of them.
	Absent  []access.PersonID `json:"absent,omitempty"`
	Request access.Request    `json:"request"`
	Expect  expectation       `json:"expect"`
}

// expectation is a requirement or refusals, with every person by id and every stage as one key.
type expectation struct {
	Requirement []expectedItem   `json:"requirement,omitempty"`
	Refusals    []access.Refusal `json:"refusals,omitempty"`
}

type expectedItem struct {
	Entitlement access.EntitlementID `json:"entitlement"`
	Application string               `json:"application"`
	Title       string               `json:"title"`
	Fulfilment  access.Fulfilment    `json:"fulfilment"`
	Binding     *access.Binding      `json:"binding,omitempty"`
	Lasts       access.Duration      `json:"lasts"`
	// ExistingAccess is left out where the catalog leaves it out.
	ExistingAccess access.ExistingAccess          `json:"existing_access,omitempty"`
	Stages         []map[string][]access.PersonID `json:"stages"`
}

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			s := readScenario(t, file)
			require.NotEmpty(t, s.Rule)
			catalog, err := policy.Parse(s.Catalog)
			require.NoError(t, err)
			settings := map[access.DeskName]access.RequestSettings{"jira": {Desk: "jira"}, "tracker": {Desk: "tracker"}}
			in := policy.Input{Request: s.Request, People: s.People, Absent: s.Absent, Desk: "jira", Settings: settings}
			requirement, refusals := catalog.Evaluate(in)

			require.Equal(t, s.Expect, told(requirement, refusals))
			require.NotEmpty(t, requirement.PolicyHash)
			require.Equal(t, settings[cmp.Or(s.Desk, "jira")], requirement.Settings)
			require.Len(t, requirement.Items, len(s.Expect.Requirement))
			for i, item := range requirement.Items {
				require.Equal(t, s.Request.Items[i], item.Item)
				require.NotEmpty(t, item.Stages)
			}
		})
	}
}

// told is an answer in the words of a scenario.
func told(requirement access.Requirement, refusals []access.Refusal) expectation {
	answer := expectation{Refusals: refusals}
	for _, item := range requirement.Items {
		one := expectedItem{
			Entitlement: item.Item.Entitlement, Application: item.Application, Title: item.Title,
			Fulfilment: item.Fulfilment, Binding: item.Binding, Lasts: item.Duration, ExistingAccess: item.ExistingAccess,
		}
		for _, stage := range item.Stages {
			var ids []access.PersonID
			for _, person := range stage.Approvers {
				ids = append(ids, person.ID)
			}
			one.Stages = append(one.Stages, map[string][]access.PersonID{stage.Name: ids})
		}
		answer.Requirement = append(answer.Requirement, one)
	}
	return answer
}

// readScenario reads the file by way of JSON, whose names our words have.
func readScenario(t *testing.T, file string) scenario {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var plain any
	require.NoError(t, yaml.Unmarshal(text, &plain))
	text, err = json.Marshal(plain)
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var s scenario
	require.NoError(t, decoder.Decode(&s))
	return s
}
