package access

import "time"

// PublishedCatalog is what of the catalog everybody who may ask for access may know: no target, no role on one, and nobody but owners.
type PublishedCatalog struct {
	// Hash is of the whole catalog and of the form in which it is published: what has the same hash is the same.
	Hash         string
	Applications []PublishedApplication
	Entitlements []PublishedEntitlement
}

// PublishedApplication is an application of the catalog.
type PublishedApplication struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Owners are those whom the catalog names for the application. An entitlement may have others.
	Owners []PersonID `json:"owners,omitempty"`
}

// PublishedEntitlement is what can be asked for, and what a request for it needs.
type PublishedEntitlement struct {
	ID EntitlementID `json:"id"`
	// Application is the id of its application, ApplicationName what people call that one.
	Application     string     `json:"application"`
	ApplicationName string     `json:"application_name"`
	Title           string     `json:"title"`
	Fulfilment      Fulfilment `json:"fulfilment"`
	// MaxDuration is the longest time that can be asked for; 0 sets no limit.
	MaxDuration Duration `json:"max_duration,omitempty"`
	// Stages are those that a request passes, in order; Owners who approves as owner: its own, or the application's.
	Stages []string   `json:"stages"`
	Owners []PersonID `json:"owners,omitempty"`
	// Desk is where the ticket is opened. All items of a request have one desk.
	Desk DeskName `json:"desk"`
}

// CatalogPublication is which catalog is published.
type CatalogPublication struct {
	Hash string
	// PublishedAt is since when; RenewedAt when a worker last said that it works by it.
	PublishedAt, RenewedAt time.Time
}

// CatalogQuery asks for a page of the entitlements that are published: those that match every field that is set.
type CatalogQuery struct {
	// Text lists what has every word of it, in whatever case, in its id, its title or its application's name.
	Text string
	// Application is the id of one.
	Application string
	// After is the last of the page before; "" for the first page.
	After EntitlementID
	// Limit is how many a page has at most; fewer mean that it is the last.
	Limit int
}
