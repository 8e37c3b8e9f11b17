// Package policy decides what an access request must pass before access is granted. It is pure: it reads nothing, knows
// no clock, and gives the same answer to the same question.
//
// Parse reads the catalog: which applications there are, what can be asked for in each, who owns them, and which stages
// of approval each entitlement demands. People names whom Evaluate must be told about; the caller looks them up in the
// source and adds the subject's manager. Evaluate then answers with a requirement, or with every reason why the
// request is refused. The scenarios in testdata are the rules as examples. For a request that runs, Resolve finds the approvers anew, by
// the same rules, when people leave or move; Vacate and Replace put the answer into its requirement.
package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"usher/internal/access"
)

// Catalog is what can be asked for, and under which rules. It never changes after Parse, so it is safe for concurrent
// use.
type Catalog struct {
	applications []access.PublishedApplication // sorted by id
	entitlements []Entitlement                 // in the order of the file
	byID         map[access.EntitlementID]int
	hash         string
}

// Entitlement is one role of one application, as the catalog declares it.
type Entitlement struct {
	// ID is "<application id>/<role>".
	ID access.EntitlementID `json:"id"`
	// Application and Title are what people read: "Wiki" and "Wiki editor".
	Application string            `json:"application"`
	Title       string            `json:"title"`
	Fulfilment  access.Fulfilment `json:"fulfilment"`
	// Binding is nil for a manual entitlement whose target usher cannot read.
	Binding *access.Binding `json:"binding,omitempty"`
	// MaxDuration is the longest time that can be asked for; 0 sets no limit.
	MaxDuration access.Duration `json:"max_duration,omitempty"`
	// ExistingAccess is "" where the catalog leaves it out, which means access.ExistingRevoke.
	ExistingAccess access.ExistingAccess `json:"existing_access,omitempty"`
	// Stages are access.StageManager and access.StageOwner, one or both, in the order in which they are passed.
	Stages []string `json:"stages"`
	// DecisionChannels are the channels on which an approver decides, access.ChannelAPI and access.ChannelTicket: the entitlement's own, or
	// else the application's; none means both.
	DecisionChannels []access.Channel `json:"decision_channels,omitempty"`
	// Owners are the entitlement's own owners, or else the application's.
	Owners []access.PersonID `json:"owners,omitempty"`
	// Fallback are who approves a stage that nobody else can approve: the entitlement's own, or else the application's; none for nobody.
	Fallback []access.PersonID `json:"fallback,omitempty"`
	// Desk is where requests for it are opened; "" where the application names none.
	Desk access.DeskName `json:"desk,omitempty"`
}

// Entitlements lists what can be asked for, in the order of the file. The caller may keep and change the list.
func (c *Catalog) Entitlements() []Entitlement {
	list := slices.Clone(c.entitlements)
	for i := range list {
		list[i].Stages = slices.Clone(list[i].Stages)
		list[i].DecisionChannels = slices.Clone(list[i].DecisionChannels)
		list[i].Owners = slices.Clone(list[i].Owners)
		list[i].Fallback = slices.Clone(list[i].Fallback)
		if binding := list[i].Binding; binding != nil {
			list[i].Binding = &access.Binding{Target: binding.Target, Role: binding.Role}
		}
	}
	return list
}

// Hash is the SHA-256, in hex, of what the catalog says. Comments, layout, and the order of applications and of
// entitlements do not change it.
func (c *Catalog) Hash() string { return c.hash }

// People lists, sorted and each once, whom Evaluate must be told about besides the subject's manager: the requester, the subject, who has
// filed the request, the fallback of the entitlements that are asked for, and, where an owner's approval is demanded, their owners. An
// entitlement that the catalog does not have adds nobody.
func (c *Catalog) People(r access.Request) []access.PersonID {
	ids := []access.PersonID{r.Requester, r.Subject}
	if r.Origin != nil {
		ids = append(ids, r.Origin.Filer)
	}
	for _, item := range r.Items {
		entitlement, ok := c.find(item.Entitlement)
		if !ok {
			continue
		}
		ids = append(ids, entitlement.Fallback...)
		if slices.Contains(entitlement.Stages, access.StageOwner) {
			ids = append(ids, entitlement.Owners...)
		}
	}
	return eachOnce(ids)
}

// eachOnce returns ids sorted and each once, without the empty one.
func eachOnce(ids []access.PersonID) []access.PersonID {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return slices.DeleteFunc(ids, func(id access.PersonID) bool { return id == "" })
}

func (c *Catalog) find(id access.EntitlementID) (Entitlement, bool) {
	i, ok := c.byID[id]
	if !ok {
		return Entitlement{}, false
	}
	return c.entitlements[i], true
}

func newCatalog(applications []access.PublishedApplication, entitlements []Entitlement) *Catalog {
	c := &Catalog{applications: applications, entitlements: entitlements, byID: map[access.EntitlementID]int{}}
	slices.SortFunc(c.applications, func(a, b access.PublishedApplication) int { return strings.Compare(a.ID, b.ID) })
	for i, entitlement := range entitlements {
		c.byID[entitlement.ID] = i
	}
	sorted := slices.Clone(entitlements)
	slices.SortFunc(sorted, func(a, b Entitlement) int { return strings.Compare(string(a.ID), string(b.ID)) })
	c.hash = hashOf(sorted)
	return c
}

// hashOf is the SHA-256, in hex, of values in JSON, one a line.
func hashOf(values ...any) string {
	hash := sha256.New()
	encoder := json.NewEncoder(hash)
	for _, value := range values {
		if err := encoder.Encode(value); err != nil {
			// The values are structs of strings and numbers, which always marshal.
			panic(err)
		}
	}
	return hex.EncodeToString(hash.Sum(nil))
}
