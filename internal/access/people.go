package access

import (
	"context"
	"strings"
	"time"
)

// Date is a day, as "2006-01-02"; "" is none. It has no time zone: it is the day of whoever wrote it.
type Date string

// ValidDate reports whether a text is a day that exists, in the form of a Date.
func ValidDate(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

// The names of usual attributes of a PersonRecord. A source may have any others.
const (
	AttributeDepartment = "department"
	AttributeCostCenter = "cost_center"
	AttributeTitle      = "title"
	AttributeLocation   = "location"
	AttributePhone      = "phone"
	AttributeNumber     = "employee_number"
	AttributeEmployment = "employee_type"
)

// PersonRecord is what a listing of an identity source has of one person.
type PersonRecord struct {
	Person
	// Attributes are what the source has besides, by the names that its configuration gives them: see AttributeDepartment and the
	// others. An attribute has at least one value, and no value is empty; without a value it is left out.
	Attributes map[string][]string `json:"attributes,omitempty"`
	// Starts is the first day of the employment, and Ends the last one; "" where the source has none.
	Starts Date `json:"starts,omitempty"`
	Ends   Date `json:"ends,omitempty"`
}

// PersonProblem is what stands in a source in the place of a person and cannot be taken for one.
type PersonProblem struct {
	// Row is where it stands, in the source's own words: "line 17", "entry cn=ana,ou=people".
	Row string `json:"row"`
	// ID is whose record it is; "" where that is the problem. Whoever is named here is in the source: not a leaver.
	ID PersonID `json:"id,omitempty"`
	// Problem names the field, and what was expected. It holds no value of a field: they are personal data.
	Problem string `json:"problem"`
}

// MaxPeoplePage is how many people, problems and gone ids a PeoplePage has at most, together.
const MaxPeoplePage = 500

// PeoplePage is a part of a listing. Everybody is in one listing at most once, in one of its lists.
type PeoplePage struct {
	People   []PersonRecord  `json:"people,omitempty"`
	Problems []PersonProblem `json:"problems,omitempty"`
	// Gone are those whom the source does not have any more. Only a listing of changes has any.
	Gone []PersonID `json:"gone,omitempty"`
	// OutOfScope are those whom the source has and the configuration leaves out. usher sorts them out; a source lists them among People.
	OutOfScope []PersonID `json:"out_of_scope,omitempty"`
}

// ListingProof is how a source showed that nothing is missing in a listing.
type ListingProof string

// The proofs.
const (
	// ProofCount: the source counted its records apart from the listing, and the listing had as many.
	ProofCount ListingProof = "count"
	// ProofEnd: the listing came in one piece that has an end of its own, and the end was there.
	ProofEnd ListingProof = "end"
)

// Listing is how a listing ended that is complete.
type Listing struct {
	// People is how many people were on its pages, and Problems how many problems.
	People   int `json:"people"`
	Problems int `json:"problems"`
	// Changes is true for a listing of what changed since an earlier one, false for one of everybody.
	Changes bool `json:"changes,omitempty"`
	// Proof is how the source showed that it is complete.
	Proof ListingProof `json:"proof"`
	// Watermark asks ListPeople for what changed since this listing began; "" where the source cannot be asked so.
	Watermark string `json:"watermark,omitempty"`
}

// PeopleLister is an identity source that lists its people. Safe for concurrent use; changes nothing.
type PeopleLister interface {
	// ListPeople calls take with everybody whom the source has, page by page; with since, a Watermark, with those who changed after
	// that, where the source can be asked so. It returns only once the source has shown that nothing is missing.
	//
	// With an error, what take got is no listing, and nothing follows from it. Transient: it was cut short, has not as many records
	// as the source counted, has somebody twice or changed while it was read; another one may be complete. Invalid: the source can
	// not be listed as it is configured, or it does not know since any more: list everybody. Forbidden: bad credentials, or rights
	// that do not show all. An error of take ends the listing and is returned as it is.
	ListPeople(ctx context.Context, since string, take func(PeoplePage) error) (Listing, error)
}

// PeopleSource is an identity source that can be asked for one person and lists them all.
type PeopleSource interface {
	IdentitySource
	PeopleLister
}

// The names of fields by which people are found: these, and AttributeField of an attribute.
const (
	FieldID       = "id"
	FieldUserName = "user_name"
	FieldEmail    = "email"
)

// attributeFields begins the name of a field that is an attribute.
const attributeFields = "attributes."

// AttributeField returns the name of an attribute as a field: "attributes.department".
func AttributeField(name string) string { return attributeFields + name }

// AttributeOf returns the attribute that a field is. false: it is none.
func AttributeOf(field string) (name string, ok bool) {
	if name, ok = strings.CutPrefix(field, attributeFields); !ok {
		return "", false
	}
	return name, name != ""
}

// FieldValues returns the values that a record has in a field by which people are found; none for any other field.
func (p PersonRecord) FieldValues(field string) []string {
	value := ""
	switch field {
	case FieldID:
		value = string(p.ID)
	case FieldUserName:
		value = p.UserName
	case FieldEmail:
		value = p.Email
	default:
		name, _ := AttributeOf(field)
		return p.Attributes[name]
	}
	if value == "" {
		return nil
	}
	return []string{value}
}

// MaxFoundPeople is how many records FoundPeople has at most.
const MaxFoundPeople = 10

// FoundPeople are the records of a source that have one value.
type FoundPeople struct {
	// People are those that are people, as a listing has them.
	People []PersonRecord
	// Problems are those that have the value and cannot be taken for a person.
	Problems []PersonProblem
	// More is true where the source may have others.
	More bool
}

// PeopleFinder is an identity source that can be asked who has a value. Safe for concurrent use; changes nothing.
type PeopleFinder interface {
	// FindPeople returns the records that have a value in a field, whose name is FieldID, FieldUserName, FieldEmail or an AttributeField.
	// Case does not count, save where the source's own ids have it; the caller compares what it gets. That nobody has it is an answer
	// without records. Transient: the source cannot be asked now. Invalid: it has no such field, or cannot be asked by it. Forbidden: bad
	// credentials.
	FindPeople(ctx context.Context, field, value string) (FoundPeople, error)
}
