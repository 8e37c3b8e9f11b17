package policy

import (
	"cmp"
	"slices"
	"strings"

	"usher/internal/access"
)

// publishedForm is a part of the hash of what is published. It grows with each change of the form, so that what an earlier build has published is
// published again.
const publishedForm = 1

// Published returns what of the catalog everybody may know who may ask for access, sorted by id. usual is the desk of applications for which the catalog
// names none. Bindings and fallbacks are not in it.
func (c *Catalog) Published(usual access.DeskName) access.PublishedCatalog {
	p := access.PublishedCatalog{Applications: slices.Clone(c.applications)}
	for i := range p.Applications {
		p.Applications[i].Owners = slices.Clone(p.Applications[i].Owners)
	}
	for _, e := range c.Entitlements() {
		p.Entitlements = append(p.Entitlements, access.PublishedEntitlement{
			ID: e.ID, Application: e.ID.Application(), ApplicationName: e.Application, Title: e.Title, Fulfilment: e.Fulfilment,
			MaxDuration: e.MaxDuration, Stages: e.Stages, Owners: e.Owners, Desk: cmp.Or(e.Desk, usual),
		})
	}
	slices.SortFunc(p.Entitlements, func(a, b access.PublishedEntitlement) int { return strings.Compare(string(a.ID), string(b.ID)) })
	p.Hash = hashOf(publishedForm, c.hash, p.Applications, p.Entitlements)
	return p
}
