package ldap

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"usher/internal/access"
)

// closeWithin is how long the last words to a server may take.
const closeWithin = time.Second

// conn is a connection that has proved the credentials. It is for one call, and not for concurrent use.
type conn struct {
	source *Source
	op     string
	raw    net.Conn
	ldap   *goldap.Conn
	// references are the URLs of other servers to which the last search referred.
	references []string
}

// open connects and binds.
func (s *Source) open(ctx context.Context, op string) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, &access.Error{Kind: access.Transient, Op: op, Err: err}
	}
	c := &conn{source: s, op: op}
	if err := c.dial(ctx); err != nil {
		return nil, err
	}
	if err := c.do(ctx, c.bind); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *conn) dial(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.source.config.RequestTimeout.Std())
	defer cancel()
	address, begins := c.source.config.address()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return c.source.classify(c.op, err)
	}
	wire := raw
	if begins {
		secure := tls.Client(raw, c.source.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return c.source.classify(c.op, err)
		}
		wire = secure
	}
	c.raw, c.ldap = raw, goldap.NewConn(wire, begins)
	c.ldap.Start()
	return nil
}

func (c *conn) bind() error {
	if c.source.config.StartTLS {
		if err := c.ldap.StartTLS(c.source.tls); err != nil {
			return err
		}
	}
	return c.ldap.Bind(c.source.config.BindDN, c.source.config.Password)
}

// close ends the connection and everything that belongs to it.
func (c *conn) close() {
	_ = c.raw.SetDeadline(time.Now().Add(closeWithin))
	_ = c.ldap.Unbind()
	_ = c.ldap.Close()
	_ = c.raw.Close()
}

// do runs one operation until the deadline of an operation or the end of the context, whichever is first. After an error the
// connection is not used again.
func (c *conn) do(ctx context.Context, operation func() error) error {
	if err := ctx.Err(); err != nil {
		return &access.Error{Kind: access.Transient, Op: c.op, Err: err}
	}
	_ = c.raw.SetDeadline(time.Now().Add(c.source.config.RequestTimeout.Std()))
	stop := context.AfterFunc(ctx, func() { _ = c.raw.SetDeadline(time.Unix(1, 0)) })
	err := operation()
	stop()
	_ = c.raw.SetDeadline(time.Time{})
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return &access.Error{Kind: access.Transient, Op: c.op, Err: ended}
	}
	return c.source.classify(c.op, err)
}

// query is one search.
type query struct {
	base, filter string
	scope        int
	attributes   []string
	// limit is how many entries are wanted at most, 0 for all: more are no error.
	limit int
	// deleted shows what Active Directory keeps of entries that were deleted.
	deleted bool
}

func (c *conn) request(q query) *goldap.SearchRequest {
	seconds := max(1, int(c.source.config.RequestTimeout.Std()/time.Second))
	r := goldap.NewSearchRequest(q.base, q.scope, goldap.NeverDerefAliases, q.limit, seconds, false, q.filter, q.attributes, nil)
	if q.deleted {
		r.Controls = append(r.Controls, goldap.NewControlMicrosoftShowDeleted())
	}
	return r
}

// search returns what a search finds, in one piece. References to other servers are left out: they are not followed.
func (c *conn) search(ctx context.Context, q query) ([]*goldap.Entry, error) {
	var found []*goldap.Entry
	err := c.do(ctx, func() error {
		result, err := c.ldap.Search(c.request(q))
		if result != nil {
			found, c.references = result.Entries, result.Referrals
		}
		if q.limit > 0 && goldap.IsErrorWithCode(err, goldap.LDAPResultSizeLimitExceeded) && len(found) >= q.limit {
			return nil
		}
		return err
	})
	return found, err
}

// entry returns the entry of a name if the filter matches it; nil for none.
func (c *conn) entry(ctx context.Context, dn, filter string, attributes ...string) (*goldap.Entry, error) {
	found, err := c.search(ctx, query{base: dn, scope: goldap.ScopeBaseObject, filter: filter, attributes: attributes})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// maxPages bounds a listing whose server never says that it has ended.
const maxPages = 100_000

// paged calls each with every entry that a search finds, page by page.
func (c *conn) paged(ctx context.Context, q query, each func(*goldap.Entry) error) error {
	size := uint32(c.source.config.PageSize) //nolint:gosec // Validate holds it between 1 and 1,000.
	paging := goldap.NewControlPaging(size)
	request := c.request(q)
	request.Controls = append(request.Controls, paging)
	for range maxPages {
		var result *goldap.SearchResult
		err := c.do(ctx, func() error {
			var err error
			result, err = c.ldap.Search(request)
			return err
		})
		if err != nil {
			return err
		}
		for _, e := range result.Entries {
			if err := each(e); err != nil {
				return err
			}
		}
		answer, _ := goldap.FindControl(result.Controls, goldap.ControlTypePaging).(*goldap.ControlPaging)
		if answer == nil || len(answer.Cookie) == 0 {
			return nil
		}
		paging.SetCookie(answer.Cookie)
	}
	return access.Errorf(access.Transient, c.op, "a search has more than %d pages", maxPages)
}
