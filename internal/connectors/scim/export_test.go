package scim

// MaxProvenFilters is maxProvenFilters, for tests.
const MaxProvenFilters = maxProvenFilters

// ProvenFilters is provenFilters, for tests.
type ProvenFilters struct{ known provenFilters }

// Attribute is provenFilters.attribute.
func (p *ProvenFilters) Attribute(group string) string { return p.known.attribute(group) }

// Remember is provenFilters.remember.
func (p *ProvenFilters) Remember(group, attribute string) { p.known.remember(group, attribute) }

// Forget is provenFilters.forget.
func (p *ProvenFilters) Forget(group string) { p.known.forget(group) }
