package joined_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/joined"
)

// Each field comes from the first source of its order that has a value; what only the first source may say comes from there.
func TestFields(t *testing.T) {
	hr := access.PersonRecord{
		Person:     access.Person{ID: "7", UserName: "hr-login", DisplayName: "HR Name", Email: "hr@example.com", Manager: "8", Active: true},
		Attributes: map[string][]string{access.AttributeDepartment: {"hr-dept"}, access.AttributeTitle: {"hr-title"}},
		Starts:     "2020-01-01", Ends: "2999-12-31",
	}
	ad := access.PersonRecord{
		Person: access.Person{ID: "guid", UserName: "ad-login", DisplayName: "AD Name", Email: "ad@example.com", Manager: "guid-2"},
		Attributes: map[string][]string{
			number: {"7"}, access.AttributeDepartment: {"ad-dept"}, access.AttributePhone: {"1", "2"},
		},
		Starts: "2021-01-01", Ends: "2021-12-31",
	}
	all := map[string][]string{
		number: {"7"}, access.AttributeDepartment: {"hr-dept"}, access.AttributeTitle: {"hr-title"}, access.AttributePhone: {"1", "2"},
	}
	byDefault := hr
	byDefault.Attributes = all
	require.Equal(t, byDefault, only(t, config(), hr, ad))

	c := config()
	c.Fields = map[string][]access.SourceName{
		"user_name": {"ad", "hr"}, "display_name": {"ad"}, "email": {"ad", "hr"}, "attributes.department": {"ad", "hr"}, "attributes.phone": {"hr"},
		"attributes.number": {"hr"},
	}
	want := hr
	want.UserName, want.DisplayName, want.Email = "ad-login", "AD Name", "ad@example.com"
	want.Attributes = map[string][]string{access.AttributeDepartment: {"ad-dept"}, access.AttributeTitle: {"hr-title"}}
	require.Equal(t, want, only(t, c, hr, ad))

	less := ad
	less.UserName, less.DisplayName, less.Email = "", "", ""
	less.Attributes = map[string][]string{number: {"7"}}
	want.UserName, want.DisplayName, want.Email = "hr-login", "", "hr@example.com"
	want.Attributes = map[string][]string{access.AttributeDepartment: {"hr-dept"}, access.AttributeTitle: {"hr-title"}}
	require.Equal(t, want, only(t, c, hr, less), "what the first of an order does not have comes from the next one, and from nobody else")
	require.Equal(t, []string{"7"}, ad.Attributes[number], "records of a source are not changed")
}

// A third source is before the second one where the order says so.
func TestFields_three(t *testing.T) {
	c := config()
	c.Sources = append(c.Sources, joined.Member{Source: "tel", Key: access.FieldUserName})
	c.Fields = map[string][]access.SourceName{"attributes.phone": {"tel", "ad"}}
	hr, ad, tel := record("7", ""), record("guid", "7"), record("x", "")
	tel.UserName = "7"
	ad.Attributes[access.AttributePhone] = []string{"ad"}
	tel.Attributes = map[string][]string{access.AttributePhone: {"tel"}, access.AttributeDepartment: {"tel"}}
	got, err := list(t, join(t, c, &script{people: []access.PersonRecord{hr}}, &script{people: []access.PersonRecord{ad}},
		&script{people: []access.PersonRecord{tel}, proof: access.ProofEnd}))
	require.NoError(t, err)
	require.Equal(t, map[string][]string{number: {"7"}, access.AttributePhone: {"tel"}, access.AttributeDepartment: {"tel"}}, got.people["7"].Attributes)
	require.Equal(t, access.ProofEnd, got.end.Proof, "a listing proves as much as the weakest of its sources")
}

// Keys are compared without regard to case and to how accents are composed; who only looks alike is somebody else.
func TestKeys(t *testing.T) {
	for _, c := range []struct {
		name, hr, ad string
		joins        bool
	}{
		{"the same", "e7", "e7", true},
		{"case", "E7", "e7", true},
		{"spaces around", "e7", " e7 ", true},
		{"an accent of its own", "jos\u00e9", "JOSE\u0301", true},
		{"another", "e7", "e8", false},
		{"zeros", "007", "7", false},
		{"a sign like a letter", "k7", "\u212a7", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			ad := record("guid", c.ad)
			ad.Email = "ad@example.com"
			got := only(t, config(), record(c.hr, ""), ad)
			require.Equal(t, c.joins, got.Email != "")
		})
	}
}

// Where a key is not of one person and of one record, nobody gets anything from it, and the problem says whose.
func TestUnclear(t *testing.T) {
	ad := func(id, key string) access.PersonRecord {
		p := record(id, key)
		p.Email = id + "@example.com"
		return p
	}
	two := record("1", "")
	two.Attributes = map[string][]string{number: {"a", "b"}}
	both := ad("guid", "1")
	both.Attributes[number] = []string{"1", "2"}
	byNumber := joined.Config{Sources: []joined.Member{{Source: "hr", Key: numberKey}, {Source: "ad", Key: numberKey}}}
	byID := joined.Config{Sources: []joined.Member{{Source: "hr", Key: numberKey}, {Source: "ad", Key: access.FieldID}}}
	one := func(p ...access.PersonRecord) *script { return &script{people: p} }
	for _, c := range []struct {
		name   string
		config joined.Config
		hr, ad *script
		// problems are what is said of people, and people are those who are listed.
		problems map[access.PersonID]string
		people   []access.PersonID
	}{
		{
			"two people of the first source", byNumber, one(record("1", "a"), record("2", "A"), record("3", "c")), one(ad("x", "a"), ad("z", "c")),
			map[access.PersonID]string{
				"1": "source hr: several people have this person's attributes.number", "2": "source hr: several people",
			},
			[]access.PersonID{"3"},
		},
		{
			"two people of the first source, and nobody else", byNumber, one(record("1", "a"), record("2", "A")), one(ad("z", "c")),
			map[access.PersonID]string{"1": "several people", "2": "several people"},
			nil,
		},
		{
			"two records of another source", config(), one(record("1", ""), record("2", "")), one(ad("x", "1"), ad("y", "1")),
			map[access.PersonID]string{"1": "source ad: several records have this person's key, by attributes.number"},
			[]access.PersonID{"2"},
		},
		{
			"a person with two keys", byNumber, one(two, record("2", "b")), one(ad("x", "a"), ad("y", "b")),
			map[access.PersonID]string{"1": "source hr: found several values", "2": "several people"},
			nil,
		},
		{
			"a record with two keys", config(), one(record("1", ""), record("2", ""), record("3", "")), one(both, ad("y", "3")),
			map[access.PersonID]string{"1": "source ad: found several values", "2": "source ad: found several values"},
			[]access.PersonID{"3"},
		},
		{
			"a record that cannot be read, by its id", byID, one(record("1", "a"), record("2", "b")),
			&script{people: []access.PersonRecord{ad("B", "")}, problems: []access.PersonProblem{{Row: "line 4", ID: "A", Problem: "login: is empty"}}},
			map[access.PersonID]string{"1": "source ad: the record cannot be read: line 4: login: is empty"},
			[]access.PersonID{"2"},
		},
		{
			"a record that cannot be read and shows no key", config(), one(record("1", ""), record("2", "")),
			&script{
				people:   []access.PersonRecord{ad("x", "2")},
				problems: []access.PersonProblem{{Row: "line 4", ID: "y", Problem: "login: is empty"}, {Row: "line 5", Problem: "no id"}},
			},
			map[access.PersonID]string{"1": "source ad: has no record that can be read, and 2 that cannot and may be this person's, as line 5"},
			[]access.PersonID{"2"},
		},
		{
			"somebody of the first source who cannot be read, with the same id but for case",
			joined.Config{Sources: []joined.Member{{Source: "hr", Key: access.FieldID}, {Source: "ad", Key: numberKey}}},
			&script{people: []access.PersonRecord{record("a", "")}, problems: []access.PersonProblem{{Row: "line 4", ID: "A", Problem: "login: is empty"}}},
			one(ad("x", "a")),
			map[access.PersonID]string{"a": "source hr: several people", "A": "source hr: line 4: login: is empty"},
			nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := join(t, c.config, c.hr, c.ad)
			got, err := list(t, s)
			require.NoError(t, err)
			require.Len(t, got.problems, len(c.problems))
			for id, says := range c.problems {
				require.Contains(t, got.problems[id], says)
			}
			require.Len(t, got.people, len(c.people))
			for _, id := range c.people {
				require.Contains(t, got.people, id)
			}
		})
	}
}

// Whoever is in no other source, and whoever has no key, is a person all the same; a record that is nobody's makes none.
func TestJoinsNobody(t *testing.T) {
	hr := &script{people: []access.PersonRecord{record("1", "a"), record("2", ""), record("3", "c")}}
	ad := &script{people: []access.PersonRecord{record("x", "a"), record("contractor", "z"), record("robot", "")}}
	ad.people[0].Email = "x@example.com"
	got, err := list(t, join(t, joined.Config{Sources: []joined.Member{{Source: "hr", Key: numberKey}, {Source: "ad", Key: numberKey}}}, hr, ad))
	require.NoError(t, err)
	require.Empty(t, got.problems)
	want := map[access.PersonID]access.PersonRecord{"1": hr.people[0], "2": hr.people[1], "3": hr.people[2]}
	first := want["1"]
	first.Email = "x@example.com"
	want["1"] = first
	require.Equal(t, want, got.people)
}

// Who has left by the first source leaves, whatever is unclear elsewhere: or whoever can write a second record of a key keeps somebody in.
func TestLeavers(t *testing.T) {
	hr := &script{people: []access.PersonRecord{record("1", ""), record("2", ""), record("3", ""), record("4", "")}}
	hr.people[0].Active = false
	hr.people[1].Ends = access.Date(time.Now().UTC().AddDate(0, 0, -2).Format(time.DateOnly))
	hr.people[2].Ends = access.Date(time.Now().UTC().AddDate(0, 0, 2).Format(time.DateOnly))
	ad := &script{}
	for _, p := range hr.people {
		ad.people = append(ad.people, record("x"+string(p.ID), string(p.ID)), record("y"+string(p.ID), string(p.ID)))
	}
	c := config()
	c.Fields = map[string][]access.SourceName{"user_name": {"ad"}}
	s := join(t, c, hr, ad)
	got, err := list(t, s)
	require.NoError(t, err)
	require.Equal(t, map[access.PersonID]access.PersonRecord{"1": hr.people[0], "2": hr.people[1]}, got.people)
	require.Contains(t, got.problems, access.PersonID("3"))
	require.Contains(t, got.problems, access.PersonID("4"))
	left, err := s.Lookup(t.Context(), "1")
	require.NoError(t, err)
	require.Equal(t, hr.people[0].Person, left)
}

// Somebody without a user name where only another source has them is a problem until that source has the person.
func TestNoUserName(t *testing.T) {
	c := config()
	c.Fields = map[string][]access.SourceName{"user_name": {"ad"}}
	s := join(t, c, &script{people: []access.PersonRecord{record("1", ""), record("2", "")}}, &script{people: []access.PersonRecord{record("x", "2")}})
	got, err := list(t, s)
	require.NoError(t, err)
	require.Contains(t, got.problems["1"], "user_name: is empty")
	require.Equal(t, "login of x", got.people["2"].UserName)
	_, err = s.Lookup(t.Context(), "1")
	require.Equal(t, access.Invalid, access.KindOf(err))
}

// An error of one source is an error of all, whatever the others say, and nobody is handed over before all are whole.
func TestIncomplete(t *testing.T) {
	down := access.Errorf(access.Transient, "connect", "refused")
	slow := &access.Error{Kind: access.RateLimited, Op: "connect", RetryAfter: time.Minute, Err: errors.New("too many")}
	barred := access.Errorf(access.Forbidden, "connect", "bad credentials")
	for _, c := range []struct {
		name string
		// make makes one of three sources bad.
		make func(*script)
		kind access.Kind
		says string
	}{
		{"it is down", func(s *script) { s.err = down }, access.Transient, "refused"},
		{"it is cut", func(s *script) { s.cut = down }, access.Transient, "refused"},
		{"it has no time", func(s *script) { s.cut = slow }, access.RateLimited, "too many"},
		{"it refuses", func(s *script) { s.err = barred }, access.Forbidden, "bad credentials"},
		{"it says what nobody classified", func(s *script) { s.cut = errors.New("a surprise") }, access.Transient, "a surprise"},
	} {
		for i, name := range []string{"hr", "ad", "tel"} {
			t.Run(c.name+", "+name, func(t *testing.T) {
				all := []*script{{people: []access.PersonRecord{record("1", "")}}, {people: []access.PersonRecord{record("x", "1")}}, {people: []access.PersonRecord{record("y", "1")}}}
				c.make(all[i])
				j := config()
				j.Sources = append(j.Sources, joined.Member{Source: "tel", Key: numberKey})
				s := join(t, j, all...)
				_, err := s.ListPeople(t.Context(), "", func(access.PeoplePage) error {
					require.Fail(t, "nobody is handed over")
					return nil
				})
				require.Equal(t, c.kind, access.KindOf(err))
				require.ErrorContains(t, err, "source "+name+": ")
				require.ErrorContains(t, err, c.says)
				if c.kind == access.RateLimited {
					require.Equal(t, time.Minute, access.RetryAfterOf(err))
				}
				if all[i].err == nil {
					return
				}
				for _, ask := range asks(s) {
					require.Equal(t, c.kind, access.KindOf(ask(t)), "nobody is half a person")
				}
			})
		}
	}
}

// asks are all questions about one person.
func asks(s *joined.Source) []func(*testing.T) error {
	return []func(*testing.T) error{
		func(t *testing.T) error { _, err := s.Lookup(t.Context(), "1"); return err },
		func(t *testing.T) error {
			_, err := s.FindPerson(t.Context(), access.PersonQuery{UserName: "login of 1"})
			return err
		},
		func(t *testing.T) error { _, err := s.Check(t.Context()); return err },
	}
}

// Another source that lists nobody is one in trouble: everybody would lose what comes from there. A first source without people is
// for the brakes.
func TestEmpty(t *testing.T) {
	some := func() *script { return &script{people: []access.PersonRecord{record("1", "")}} }
	_, err := list(t, join(t, config(), some(), &script{}))
	require.Equal(t, access.Transient, access.KindOf(err))
	require.ErrorContains(t, err, "source ad: lists nobody")
	got, err := list(t, join(t, config(), &script{}, &script{}))
	require.NoError(t, err)
	require.Empty(t, got.people)
	got, err = list(t, join(t, config(), &script{}, some()))
	require.NoError(t, err)
	require.Empty(t, got.people)
}

// The check asks every source, by its key as well, and names the place in the configuration.
func TestCheck(t *testing.T) {
	hr, ad := &script{}, &script{findings: []access.Finding{{Key: "fields.email", Problem: "no entry has it"}}}
	s := join(t, config(), hr, ad)
	found, err := s.Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, []access.Finding{{Key: "sources[1].source", Problem: "ad: fields.email: no entry has it"}}, found)
	refusing := &keyless{script{}}
	s, err = joined.New(config(), map[access.SourceName]joined.Opened{"hr": {Known: known(), Port: hr}, "ad": {Known: known(), Port: refusing}})
	require.NoError(t, err)
	found, err = s.Check(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "sources[1].key", found[0].Key)
	require.Contains(t, found[0].Problem, "no such filter")
	refusing.err = access.Errorf(access.Transient, "connect", "refused")
	_, err = s.Check(t.Context())
	require.Equal(t, access.Transient, access.KindOf(err))
}
