package ledger

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

const (
	// maxPrepared is how many statements a connection keeps; then it forgets all and begins again.
	maxPrepared = 64
	// maxArguments bounds the size of what is kept: a statement about a thousand tickets is long, and seldom the same.
	maxArguments = 64
)

// preparing is a connector of connections that parse a statement with arguments once, and not each time that it is executed (ADR 13).
// PostgreSQL's driver does the same by itself.
type preparing struct{ driver.Connector }

// Connect implements driver.Connector.
func (c preparing) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	able, ok := opened.(connection)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T lacks what database/sql asks of a connection", opened), opened.Close())
	}
	return &preparedConn{connection: able, kept: map[string]execution{}}, nil
}

// connection is what SQLite's connections are able to do; database/sql asks for each of these by itself.
type connection interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type execution interface {
	driver.Stmt
	driver.StmtExecContext
}

// preparedConn is a connection that keeps what it prepared. database/sql never uses a connection twice at the same time.
type preparedConn struct {
	connection
	kept map[string]execution
}

// ExecContext implements driver.ExecerContext. What has no arguments is executed as ever, for it may be a script, and so is
// what has very many.
func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) == 0 || len(args) > maxArguments {
		return c.connection.ExecContext(ctx, query, args)
	}
	statement, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return statement.ExecContext(ctx, args)
}

func (c *preparedConn) statement(ctx context.Context, query string) (execution, error) {
	if statement, ok := c.kept[query]; ok {
		return statement, nil
	}
	if len(c.kept) >= maxPrepared {
		if err := c.forget(); err != nil {
			return nil, err
		}
	}
	prepared, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	statement, ok := prepared.(execution)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T cannot be executed with a context", prepared), prepared.Close())
	}
	c.kept[query] = statement
	return statement, nil
}

func (c *preparedConn) forget() error {
	var wrong []error
	for query, statement := range c.kept {
		wrong = append(wrong, statement.Close())
		delete(c.kept, query)
	}
	return errors.Join(wrong...)
}

// Close implements driver.Conn.
func (c *preparedConn) Close() error { return errors.Join(c.forget(), c.connection.Close()) }
