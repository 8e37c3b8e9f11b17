// Package usersync decides which user of a desk a person has, and what must be written to that user. It is pure: it asks nobody and keeps
// nothing.
package usersync
