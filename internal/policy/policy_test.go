package policy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/policy"
)

const catalogText = `
applications:
  - id: wiki
    name: Wiki
    owners: [olga, otto]
    entitlements:
      - {role: editor, title: Wiki editor, fulfilment: scim, target: directory, target_role: editors, max_duration: 30d, stages: [manager, owner]}
      - {role: reader, title: Wiki reader, fulfilment: manual, stages: [manager]}
  - id: desk
    name: Desk
    entitlements:
      - {role: agent, title: Desk agent, fulfilment: manual, target: directory, target_role: agents, stages: [owner], owners: [anna], existing_access: keep, decision_channels: [api]}
`

func parse(t *testing.T, text string) *policy.Catalog {
	t.Helper()
	c, err := policy.Parse([]byte(text))
	require.NoError(t, err)
	return c
}

func TestParseListsEntitlements(t *testing.T) {
	c := parse(t, catalogText)
	want := []policy.Entitlement{
		{
			ID: "wiki/editor", Application: "Wiki", Title: "Wiki editor", Fulfilment: access.FulfilmentSCIM,
			Binding:     &access.Binding{Target: "directory", Role: "editors"},
			MaxDuration: access.Duration(30 * 24 * 3600e9), Stages: []string{"manager", "owner"}, Owners: []access.PersonID{"olga", "otto"},
		},
		{
			ID: "wiki/reader", Application: "Wiki", Title: "Wiki reader", Fulfilment: access.FulfilmentManual,
			Stages: []string{"manager"}, Owners: []access.PersonID{"olga", "otto"},
		},
		{
			ID: "desk/agent", Application: "Desk", Title: "Desk agent", Fulfilment: access.FulfilmentManual,
			Binding: &access.Binding{Target: "directory", Role: "agents"}, Stages: []string{"owner"}, Owners: []access.PersonID{"anna"},
			ExistingAccess: access.ExistingKeep, DecisionChannels: []access.Channel{access.ChannelAPI},
		},
	}
	require.Equal(t, want, c.Entitlements())

	changed := c.Entitlements()
	changed[0].Stages[0], changed[0].Owners[0], changed[0].Binding.Role, changed[2].DecisionChannels[0] = "x", "x", "x", "x"
	require.Equal(t, want, c.Entitlements(), "a caller cannot change the catalog")
}

func TestHashFollowsTheContent(t *testing.T) {
	hash := parse(t, catalogText).Hash()
	require.Regexp(t, `^[0-9a-f]{64}$`, hash)
	same := map[string]string{
		"a comment":            "# reviewed\n" + catalogText,
		"another layout":       strings.ReplaceAll(catalogText, "stages: [manager]", "stages: ['manager']"),
		"the same in hours":    strings.ReplaceAll(catalogText, "30d", "720h"),
		"another order of two": reordered(),
	}
	for name, text := range same {
		t.Run("stays with "+name, func(t *testing.T) { require.Equal(t, hash, parse(t, text).Hash()) })
	}
	for from, to := range map[string]string{
		"30d": "31d", "[manager, owner]": "[owner, manager]", "anna": "anne", "Wiki reader": "Wiki Reader", "editors": "writers", "name: Desk": "name: Help desk",
		"existing_access: keep":    "existing_access: revoke",
		"decision_channels: [api]": "decision_channels: [ticket]",
	} {
		t.Run("changes with "+from, func(t *testing.T) {
			require.NotEqual(t, hash, parse(t, strings.Replace(catalogText, from, to, 1)).Hash())
		})
	}
}

func reordered() string {
	head, desk, _ := strings.Cut(catalogText, "  - id: desk")
	_, wiki, _ := strings.Cut(head, "  - id: wiki")
	return "applications:\n  - id: desk" + desk + "  - id: wiki" + wiki
}

func TestPolicyHash(t *testing.T) {
	ask := func(text string, settings access.RequestSettings) string {
		requirement, _ := parse(t, text).Evaluate(policy.Input{Desk: "jira", Settings: map[access.DeskName]access.RequestSettings{"jira": settings}})
		return requirement.PolicyHash
	}
	settings := access.RequestSettings{Desk: "jira", TicketActions: access.TicketActions{access.EventMoved: access.ActionRecordOnly, access.EventDeleted: access.ActionCancel}}
	hash := ask(catalogText, settings)
	require.Regexp(t, `^[0-9a-f]{64}$`, hash)
	require.Equal(t, hash, ask(catalogText, settings))
	require.NotEqual(t, hash, ask(strings.Replace(catalogText, "30d", "31d", 1), settings))
	settings.OperatorDecisions = true
	require.NotEqual(t, hash, ask(catalogText, settings))
}

func TestPeople(t *testing.T) {
	c := parse(t, catalogText)
	rows := map[string]struct {
		items []access.EntitlementID
		want  []access.PersonID
	}{
		"owners where an owner approves":       {[]access.EntitlementID{"wiki/editor"}, []access.PersonID{"olga", "otto", "rita", "sue"}},
		"no owners where none approves":        {[]access.EntitlementID{"wiki/reader"}, []access.PersonID{"rita", "sue"}},
		"owners of several, each once, sorted": {[]access.EntitlementID{"wiki/editor", "desk/agent", "wiki/editor"}, []access.PersonID{"anna", "olga", "otto", "rita", "sue"}},
		"nobody for what does not exist":       {[]access.EntitlementID{"wiki/nope"}, []access.PersonID{"rita", "sue"}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			r := access.Request{Requester: "sue", Subject: "rita"}
			for _, id := range row.items {
				r.Items = append(r.Items, access.Item{Entitlement: id})
			}
			require.Equal(t, row.want, c.People(r))
		})
	}
	require.Equal(t, []access.PersonID{"sue"}, c.People(access.Request{Requester: "sue", Subject: "sue"}))
	require.Empty(t, c.People(access.Request{}))
}

func TestEvaluate_negative_duration(t *testing.T) {
	_, refusals := parse(t, catalogText).Evaluate(policy.Input{
		Request: access.Request{Items: []access.Item{{ID: "1", Entitlement: "wiki/reader", Duration: -1}}},
	})
	require.Contains(t, refusals, access.Refusal{
		Field: "items[0].duration", Problem: "A duration is not negative; 0 asks for as long as the catalog allows.",
	})
}

func TestParse_problems(t *testing.T) {
	entitlement := func(body string) string {
		return "applications:\n  - id: wiki\n    name: Wiki\n    owners: [olga]\n    entitlements:\n      - " + body + "\n"
	}
	good := "role: a, title: A, fulfilment: manual, stages: [owner]"
	rows := map[string]struct{ text, want string }{
		"no YAML":                     {"a: [", "not YAML: line"},
		"an empty file":               {"", "applications: found an empty file, expected at least one application"},
		"a list at the top":           {"[a]", "the file (line 1): found a list, expected the keys applications"},
		"no applications":             {"applications: []", "applications (line 1): found none, expected at least one"},
		"an unknown key at the top":   {"aplications: []", "aplications (line 1): unknown key; allowed here: applications"},
		"an unknown key":              {entitlement("{" + good + ", stage: []}"), "applications[0].entitlements[0].stage (line 6): unknown key; allowed here: stages, "},
		"a key that stands twice":     {entitlement("{" + good + ", role: b}"), "applications[0].entitlements[0].role (line 6): the key stands twice"},
		"an application without id":   {"applications: [{name: x}]", "applications[0].id (line 1): found none, expected text"},
		"an application that is text": {"applications: [wiki]", `applications[0] (line 1): found "wiki", expected the keys id, name, desk, owners, decision_channels, entitlements`},
		"no entitlements":             {"applications: [{id: a, name: A}]", "applications[0].entitlements (line 1): found none, expected at least one"},
		"an id with a slash":          {strings.Replace(entitlement("{"+good+"}"), "id: wiki", "id: a/b", 1), `applications[0].id (line 2): found "a/b", expected up to 64 letters`},
		"an application twice": {
			"applications:\n  - &a {id: x, name: X, entitlements: [{role: a, title: A, fulfilment: manual, stages: [manager]}]}\n" +
				"  - {id: x, name: Y, entitlements: [{role: a, title: A, fulfilment: manual, stages: [manager]}]}",
			`applications[1].id (line 3): found "x", which is the value of applications[0].id already`,
		},
		"a role twice": {
			entitlement("{"+good+"}") + "      - {" + good + "}\n",
			`applications[0].entitlements[1].role (line 7): found "a", which is the value of applications[0].entitlements[0].role already`,
		},
		"a name of two lines":         {strings.Replace(entitlement("{"+good+"}"), "name: Wiki", `name: "a\nb"`, 1), "applications[0].name (line 3): found a line break, expected one line"},
		"an unknown fulfilment":       {entitlement("{role: a, title: A, fulfilment: magic, stages: [owner]}"), `applications[0].entitlements[0].fulfilment (line 6): found "magic", expected scim or manual`},
		"no fulfilment":               {entitlement("{role: a, title: A, stages: [owner]}"), "applications[0].entitlements[0].fulfilment (line 6): found none"},
		"scim without a target":       {entitlement("{role: a, title: A, fulfilment: scim, target_role: r, stages: [owner]}"), "applications[0].entitlements[0].target (line 6): found none, expected it, because fulfilment is scim"},
		"scim without a role":         {entitlement("{role: a, title: A, fulfilment: scim, target: t, stages: [owner]}"), "applications[0].entitlements[0].target_role (line 6): found none, expected it"},
		"manual with half a place":    {entitlement("{" + good + ", target: t}"), "applications[0].entitlements[0].target_role (line 6): found none, expected target and target_role, or none of them"},
		"a target that is a list":     {entitlement("{" + good + ", target: [t], target_role: r}"), "applications[0].entitlements[0].target (line 6): found a list, expected text"},
		"a bad duration":              {entitlement("{" + good + ", max_duration: long}"), `applications[0].entitlements[0].max_duration (line 6): "long": expected a duration`},
		"a duration of nothing":       {entitlement("{" + good + ", max_duration: 0s}"), "applications[0].entitlements[0].max_duration (line 6): found no time at all"},
		"a duration that is a map":    {entitlement("{" + good + ", max_duration: {}}"), "applications[0].entitlements[0].max_duration (line 6): found keys and values, expected text"},
		"no such existing access":     {entitlement("{" + good + ", existing_access: leave}"), `applications[0].entitlements[0].existing_access (line 6): found "leave", expected keep or revoke`},
		"existing access in capitals": {entitlement("{" + good + ", existing_access: Keep}"), `applications[0].entitlements[0].existing_access (line 6): found "Keep", expected keep or revoke`},
		"empty existing access":       {entitlement("{" + good + ", existing_access: ''}"), "applications[0].entitlements[0].existing_access (line 6): found none, expected keep or revoke"},
		"a list of existing access":   {entitlement("{" + good + ", existing_access: [keep]}"), "applications[0].entitlements[0].existing_access (line 6): found a list, expected text"},
		"decided by nothing":          {entitlement("{" + good + ", decision_channels: []}"), "applications[0].entitlements[0].decision_channels (line 6): found none, expected api, ticket, or both"},
		"decided by mail":             {entitlement("{" + good + ", decision_channels: [mail]}"), `applications[0].entitlements[0].decision_channels[0] (line 6): found "mail", expected api or ticket`},
		"decided twice by the same":   {entitlement("{" + good + ", decision_channels: [api, api]}"), "applications[0].entitlements[0].decision_channels (line 6): found api twice, expected it once"},
		"no stages":                   {entitlement("{role: a, title: A, fulfilment: manual}"), "applications[0].entitlements[0].stages (line 6): found none, expected manager, owner, or both"},
		"empty stages":                {entitlement("{role: a, title: A, fulfilment: manual, stages: []}"), "applications[0].entitlements[0].stages (line 6): found none, expected manager, owner, or both"},
		"stages that are text":        {entitlement("{role: a, title: A, fulfilment: manual, stages: owner}"), `applications[0].entitlements[0].stages (line 6): found "owner", expected a list`},
		"an unknown stage":            {entitlement("{role: a, title: A, fulfilment: manual, stages: [boss]}"), `applications[0].entitlements[0].stages[0] (line 6): found "boss", expected manager or owner`},
		"a stage twice":               {entitlement("{role: a, title: A, fulfilment: manual, stages: [owner, owner]}"), "applications[0].entitlements[0].stages (line 6): found owner twice, expected it once"},
		"owners who are nobody":       {entitlement("{" + good + ", owners: []}"), "applications[0].entitlements[0].owners (line 6): found none, expected at least one"},
		"an owner twice":              {entitlement("{" + good + ", owners: [a, a]}"), "applications[0].entitlements[0].owners[1] (line 6): found a twice"},
		"an owner of many bytes":      {entitlement("{" + good + ", owners: [" + strings.Repeat("🔑", 200) + "]}"), "applications[0].entitlements[0].owners[0] (line 6): expected at most 512 bytes of UTF-8, found 800"},
		"an owner without a name":     {entitlement("{" + good + ", owners: ['']}"), "applications[0].entitlements[0].owners[0] (line 6): found none, expected text"},
		"an owner stage, no owner":    {strings.Replace(entitlement("{"+good+"}"), "owners: [olga]", "owners: []", 1), "applications[0].entitlements[0].stages (line 6): found owner, but neither the entitlement nor its application has owners"},
		"an alias":                    {"applications: [&a {id: a, name: A}, *a]", "applications[1] (line 1): found an alias, which a catalog cannot hold"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			_, err := policy.Parse([]byte(row.text))
			require.ErrorContains(t, err, row.want)
			require.Equal(t, access.Invalid, access.KindOf(err))
		})
	}
	t.Run("every problem at once", func(t *testing.T) {
		_, err := policy.Parse([]byte(entitlement("{role: a b, titel: A, fulfilment: magic, stages: [boss]}")))
		require.Len(t, strings.Split(err.Error(), "\n"), 5)
	})
}

// FuzzParse holds that Parse ends, never panics, and that a catalog that it accepts can be asked.
func FuzzParse(f *testing.F) {
	f.Add([]byte(catalogText))
	f.Add([]byte("applications: &a [*a]"))
	f.Add([]byte("applications: [{id: a, ? [b] : c}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := policy.Parse(data)
		if err != nil {
			require.Equal(t, access.Invalid, access.KindOf(err))
			return
		}
		for _, entitlement := range c.Entitlements() {
			require.NotEmpty(t, entitlement.Stages)
			request := access.Request{ID: "r", Requester: "q", Subject: "s", Reason: "r", Items: []access.Item{{ID: "1", Entitlement: entitlement.ID}}}
			_, refusals := c.Evaluate(policy.Input{Request: request})
			require.NotEmpty(t, refusals, "nobody is known, so nothing can be asked for")
		}
	})
}

// TestEvaluate_filer: who has filed a request for somebody is no approver of it, and where nobody else is, it is refused.
func TestEvaluate_filer(t *testing.T) {
	people := []access.Person{
		{ID: "ana", Manager: "mia", Active: true},
		{ID: "mia", DisplayName: "Mia", Active: true},
		{ID: "olga", DisplayName: "Olga", Active: true},
		{ID: "otto", Active: true},
		{ID: "anna", DisplayName: "Anna", Active: true},
	}
	evaluate := func(entitlement access.EntitlementID, filer access.PersonID) (access.Requirement, []access.Refusal) {
		r := access.Request{
			ID: "desk.1", Requester: "ana", Subject: "ana", Reason: "why", Items: []access.Item{{ID: "1", Entitlement: entitlement}},
			Origin: &access.Origin{Desk: "desk", Account: "portal", Filed: true, Filer: filer},
		}
		return parse(t, catalogText).Evaluate(policy.Input{Request: r, People: people, Desk: "desk"})
	}
	need, refusals := evaluate("wiki/editor", "olga")
	require.Empty(t, refusals)
	require.Equal(t, access.PersonID("olga"), need.Filer.ID)
	require.Equal(t, []access.PersonID{"mia", "otto"}, need.Approvers())
	_, refusals = evaluate("desk/agent", "anna")
	require.Len(t, refusals, 1)
	require.Contains(t, refusals[0].Problem, "Anna has filed this request")
	_, refusals = evaluate("wiki/reader", "mia")
	require.Len(t, refusals, 1)
	require.Equal(t, "The manager of ana, Mia, has filed this request, so nobody can approve as manager.", refusals[0].Problem)
	need, refusals = evaluate("wiki/editor", "")
	require.Empty(t, refusals)
	require.Equal(t, []access.PersonID{"mia", "olga", "otto"}, need.Approvers())
}
