// Package membership shows which groups of a desk its users are in as fields of these users, so that what plans, holds, writes and shows fields does
// so with memberships.
package membership
