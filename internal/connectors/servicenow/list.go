package servicenow

import (
	"cmp"
	"context"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// listing is a list of records: those of a table that meet a query and, if there are any, one of the alternatives in either; by their
// ids or, byTime, by the time of their last change.
type listing struct {
	table  string
	where  query
	either query
	fields []string
	byTime bool
	limit  int
	// pages is how many pages are read at most; 0 means desk.MaxPages.
	pages int
	// whole: it is Forbidden not to see some of the rows.
	whole bool
}

// position is where a page of a list begins: behind a row, after so many rows that the account may not see.
type position struct {
	updated, id string
	offset      int
}

func (p position) String() string { return p.updated + "|" + p.id + "|" + strconv.Itoa(p.offset) }

// positionOf reads what String wrote; anything else is the beginning.
func positionOf(text string) position {
	parts := strings.Split(text+"||", "|")
	return position{updated: parts[0], id: parts[1], offset: number(parts[2])}
}

// behind reports whether a row stands behind the position.
func (p position) behind(r row, byTime bool) bool {
	if byTime && r.get("sys_updated_on") != p.updated {
		return r.get("sys_updated_on") > p.updated
	}
	return r.get("sys_id") > p.id
}

// page is one page of a list.
type page struct {
	rows []row
	// next is where the next page begins; "" for the last one.
	next string
	// count is how many rows there are from the page on, also those that the account may not see; -1 where ServiceNow does not say.
	count int
	now   time.Time
}

// values are the parameters of a page. The rows behind a position are those with a later time or, at the same time, a
// higher id; OR binds closer than AND in an encoded query.
func (l listing) values(p position) url.Values {
	parts := l.where.parts()
	if len(l.either) > 0 {
		parts = append(parts, strings.Join(l.either.parts(), "^OR"))
	}
	switch {
	case p.id != "" && l.byTime:
		parts = append(parts, "sys_updated_on>="+p.updated, "sys_updated_on>"+p.updated, "ORsys_id>"+p.id)
	case p.id != "":
		parts = append(parts, "sys_id>"+p.id)
	}
	if l.byTime {
		parts = append(parts, "ORDERBYsys_updated_on")
	}
	var need []string
	if len(l.fields) > 0 {
		need = append([]string{"sys_id", "sys_updated_on"}, l.fields...)
		for _, c := range slices.Concat(l.where, l.either) {
			need = append(need, c.field)
		}
		slices.Sort(need)
	}
	v := plain(slices.Compact(need)...)
	v.Set("sysparm_query", strings.Join(append(parts, "ORDERBYsys_id"), "^"))
	v.Set("sysparm_limit", strconv.Itoa(l.limit))
	v.Set("sysparm_offset", strconv.Itoa(p.offset))
	return v
}

// page reads one page of a list. Forbidden too: ServiceNow ignored a part of the query. NotFound is about the address, and Invalid.
func (d *driver) page(ctx context.Context, op string, l listing, from string) (page, error) {
	var out page
	at := positionOf(from)
	answer, err := d.get(ctx, op, tablePath(l.table), l.values(at), &out.rows)
	if access.IsKind(err, access.NotFound) {
		err = access.Errorf(access.Invalid, op, "%s: no Table API of ServiceNow answers there: %w", d.key("base_url"), err)
	}
	if err == nil {
		err = l.check(op, out.rows)
	}
	if err != nil {
		return page{}, err
	}
	if at.id != "" && slices.ContainsFunc(out.rows, func(r row) bool { return !at.behind(r, l.byTime) }) {
		return page{}, access.Errorf(access.Forbidden, op, "ServiceNow returned rows of the table %s that stand before the page", l.table)
	}
	out.now, out.count = answer.Clock(), -1
	if n, err := strconv.Atoi(answer.Header.Get("X-Total-Count")); err == nil {
		out.count = n - at.offset
	}
	out.next = l.next(at, out, answer.Header.Get("Link"))
	return out, nil
}

// next is where the page behind one begins; "" when there is nothing behind it. ServiceNow takes the limit before it leaves out
// what the account may not see, so a page that is short, or empty, may have others behind it: then it names the next one.
func (l listing) next(from position, p page, link string) string {
	if n := len(p.rows); n > 0 && p.count != n {
		return position{updated: p.rows[n-1].get("sys_updated_on"), id: p.rows[n-1].get("sys_id")}.String()
	}
	named := nextLink.FindStringSubmatch(link)
	if len(p.rows) > 0 || named == nil || number(named[1]) <= from.offset {
		return ""
	}
	from.offset = number(named[1])
	return from.String()
}

// nextLink finds the next page in the header Link.
var nextLink = regexp.MustCompile(`<[^>]*sysparm_offset=(\d+)[^>]*>;\s*rel="next"`)

// manyRows is how many rows are asked for at once where all of them are wanted.
const manyRows = 1000

// all reads every page of a list, and reports whether there are rows that the account may not see.
func (d *driver) all(ctx context.Context, op string, l listing) (rows []row, hidden bool, err error) {
	l.limit = manyRows
	count, err := d.walk(ctx, op, l, func(some []row) error {
		rows = append(rows, some...)
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	return rows, count > len(rows), nil
}

// walk calls take with the rows of every page of a list, and returns how many there were at its beginning, also those that the account may not
// see; -1 where ServiceNow does not say. An error of take ends it and is returned as it is.
func (d *driver) walk(ctx context.Context, op string, l listing, take func([]row) error) (int, error) {
	from, count, most := "", 0, cmp.Or(l.pages, desk.MaxPages)
	for n := range most {
		got, err := d.page(ctx, op, l, from)
		if err != nil {
			return 0, err
		}
		if n == 0 {
			count = got.count
		}
		if err := take(got.rows); err != nil {
			return 0, err
		}
		if got.next == "" {
			return count, nil
		}
		from = got.next
	}
	return 0, access.Errorf(access.Transient, op, "the table %s has more than %d pages of what was asked for", l.table, most)
}

// each reads the records in which a field has one of many values, with as few calls as their URLs allow.
func (d *driver) each(ctx context.Context, op string, l listing, field string, values []string) ([]row, error) {
	var rows []row
	for _, some := range d.chunks(l, field, values) {
		one := l
		one.where = append(slices.Clone(l.where), condition{field, in, strings.Join(some, ",")})
		got, hidden, err := d.all(ctx, op, one)
		switch {
		case err != nil:
			return nil, err
		case hidden && l.whole:
			return nil, access.Errorf(access.Forbidden, op, "usher's account may not see all rows of the table %s that are about its tickets", l.table)
		}
		rows = append(rows, got...)
	}
	return rows, nil
}

// maxURL is how long the URL of a call may be: gateways before an instance cut longer ones.
const maxURL = 2048

// chunks splits values so that an URL with a list of them stays short enough, on the later pages too.
func (d *driver) chunks(l listing, field string, values []string) [][]string {
	l.where = append(slices.Clone(l.where), condition{field, in, ""})
	empty := l.values(position{id: strings.Repeat("f", 32), offset: manyRows * desk.MaxPages})
	room := maxURL - len(d.site+"/"+tablePath(l.table)+"?"+empty.Encode())
	var out [][]string
	left := 0
	for _, v := range values {
		size := len(url.QueryEscape(v + ","))
		if len(out) == 0 || size > left {
			out, left = append(out, nil), room
		}
		out[len(out)-1] = append(out[len(out)-1], v)
		left -= size
	}
	return out
}
