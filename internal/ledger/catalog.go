package ledger

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"usher/internal/access"
)

const opPublish = "publish the catalog in the ledger"

// PublishCatalog makes a catalog the published one, in place of whatever was: of two calls the later wins. One that is published already stays as it
// is, and is renewed. Readers see the one or the other. Safe to repeat. Invalid, naming it, when an id cannot be kept.
func (s *Store) PublishCatalog(ctx context.Context, c access.PublishedCatalog, at time.Time) error {
	_, err := s.publish(ctx, c, at, func(access.CatalogPublication) bool { return true })
	return err
}

// RenewCatalog notes that a worker still works by a catalog, and reports whether it is the published one now. Where another one is published, that one
// stays, unless nobody has renewed it for as long as lost: then this one is published. Safe to repeat; errors are those of PublishCatalog.
func (s *Store) RenewCatalog(ctx context.Context, c access.PublishedCatalog, at time.Time, lost time.Duration) (bool, error) {
	return s.publish(ctx, c, at, func(other access.CatalogPublication) bool { return !other.RenewedAt.After(at.Add(-lost)) })
}

// publish renews a catalog that is published already. Another one it replaces if the function says so.
func (s *Store) publish(
	ctx context.Context, c access.PublishedCatalog, at time.Time, replaces func(access.CatalogPublication) bool,
) (bool, error) {
	rows, err := catalogRowsOf(c)
	if err != nil {
		return false, err
	}
	now, published := at.UnixMicro(), false
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		published = false
		if _, err := tx.ExecContext(ctx, `INSERT INTO catalog (one, hash, published_us, renewed_us) VALUES (1, '', 0, 0) ON CONFLICT (one) DO NOTHING`); err != nil {
			return err
		}
		// An update that changes nothing keeps other workers out until this transaction ends.
		known, err := publicationOf(tx.QueryRowContext(ctx, `UPDATE catalog SET hash = hash WHERE one = 1 RETURNING hash, published_us, renewed_us`))
		switch {
		case err != nil:
			return err
		case known.Hash == c.Hash:
			_, err = tx.ExecContext(ctx, `UPDATE catalog SET renewed_us = $1 WHERE one = 1 AND renewed_us < $1`, now)
		case known.Hash == "" || replaces(known):
			err = rows.replace(ctx, tx)
			if err == nil {
				_, err = tx.ExecContext(ctx, `UPDATE catalog SET hash = $1, published_us = $2, renewed_us = $2 WHERE one = 1`, c.Hash, now)
			}
		default:
			return nil
		}
		published = err == nil
		return err
	})
	if err != nil {
		// A transaction that was given up may still run, and writes.
		return false, s.fail(opPublish, err)
	}
	return published, nil
}

func publicationOf(row *sql.Row) (access.CatalogPublication, error) {
	var p access.CatalogPublication
	var published, renewed int64
	err := row.Scan(&p.Hash, &published, &renewed)
	p.PublishedAt, p.RenewedAt = fromMicros(published), fromMicros(renewed)
	return p, err
}

// catalogRows are the rows of a catalog that is published.
type catalogRows struct{ applications, entitlements, owners [][]any }

func catalogRowsOf(c access.PublishedCatalog) (catalogRows, error) {
	var r catalogRows
	k := keys{}
	k.required("hash", c.Hash)
	for _, application := range c.Applications {
		k.required("applications.id", application.ID)
		body, err := encode(opPublish, application)
		if err != nil {
			return catalogRows{}, err
		}
		r.applications = append(r.applications, []any{application.ID, body})
		for _, owner := range application.Owners {
			k.required("applications.owners", string(owner))
			r.owners = append(r.owners, []any{string(owner), application.ID})
		}
	}
	for _, e := range c.Entitlements {
		k.required("entitlements.id", string(e.ID))
		k.required("entitlements.application", e.Application)
		body, err := encode(opPublish, e)
		if err != nil {
			return catalogRows{}, err
		}
		r.entitlements = append(r.entitlements, []any{string(e.ID), e.Application, wordsOf(e), body})
	}
	return r, k.problem
}

// wordsOf returns what a text is searched in. A NUL, which PostgreSQL does not keep, is in no text that is searched for.
func wordsOf(e access.PublishedEntitlement) string {
	return strings.ReplaceAll(strings.ToLower(string(e.ID)+"\n"+e.Title+"\n"+e.ApplicationName), "\x00", "")
}

func (r catalogRows) replace(ctx context.Context, tx *sql.Tx) error {
	for _, table := range []struct {
		name, columns string
		rows          [][]any
	}{
		{"catalog_applications", " (id, body)", r.applications},
		{"catalog_entitlements", " (id, application_id, words, body)", r.entitlements},
		{"catalog_owners", " (person_id, application_id)", r.owners},
	} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table.name); err != nil {
			return err
		}
		if err := insertRows(ctx, tx, table.name+table.columns, "", table.rows); err != nil {
			return err
		}
	}
	return nil
}

// PublishedCatalog returns which catalog is published. NotFound: none was yet.
func (s *Store) PublishedCatalog(ctx context.Context) (access.CatalogPublication, error) {
	p, err := publicationOf(s.read.QueryRowContext(ctx, `SELECT hash, published_us, renewed_us FROM catalog`))
	return p, s.missing(err, "read the catalog from the ledger", "catalog", "")
}

// CatalogEntitlements returns a page of what is published, by id in the order of its bytes. Limit is 1 to MaxLimit. Empty for none. Invalid, naming
// it, when After or Limit cannot be used.
func (s *Store) CatalogEntitlements(ctx context.Context, q access.CatalogQuery) ([]access.PublishedEntitlement, error) {
	const op = "list the catalog from the ledger"
	if err := checkPage(op, string(q.After), q.Limit, MaxLimit); err != nil {
		return nil, err
	}
	if !usableKey(q.Application) || !usableKey(q.Text) {
		return nil, nil
	}
	c := &conditions{}
	c.where = append(c.where, `id > `+c.param(string(q.After)))
	if q.Application != "" {
		c.where = append(c.where, `application_id = `+c.param(q.Application))
	}
	for _, word := range strings.Fields(strings.ToLower(q.Text)) {
		c.where = append(c.where, `words LIKE `+c.param("%"+literal.Replace(word)+"%")+` ESCAPE '!'`)
	}
	found, err := bodies[access.PublishedEntitlement](ctx, s,
		`SELECT body FROM catalog_entitlements`+c.clause()+` ORDER BY id LIMIT `+strconv.Itoa(q.Limit), c.args)
	return found, s.fail(op, err)
}

// literal takes the meaning from what LIKE reads as a pattern.
var literal = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// Application returns an application that is published, with its owners. NotFound: there is none of that id.
func (s *Store) Application(ctx context.Context, id string) (access.PublishedApplication, error) {
	found, err := one[access.PublishedApplication](ctx, s, `SELECT body FROM catalog_applications WHERE id = $1`, id)
	return found, s.missing(err, "read an application from the ledger", "application", id)
}

// ApplicationsOf returns the applications whose owners a person is among, by id in the order of its bytes. Empty for none.
func (s *Store) ApplicationsOf(ctx context.Context, owner access.PersonID) ([]access.PublishedApplication, error) {
	found, err := all[access.PublishedApplication](ctx, s, `SELECT body FROM catalog_applications
		WHERE id IN (SELECT application_id FROM catalog_owners WHERE person_id = $1) ORDER BY id`, string(owner))
	return found, s.fail("list a person's applications from the ledger", err)
}
