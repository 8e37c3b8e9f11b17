package servicenow

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// importing is the scope of all writes by an import set. It is shut for wrongPause once a transform map wrote to somebody else than it should: it
// would do so with each further write.
const (
	importing  desk.Scope = "import set of users"
	wrongPause            = 15 * time.Minute
)

// clears is what empties a column in a transform map, also in one that does not copy what is empty.
const clears = "NULL"

// proof lets the first writes through one at a time, until one of them did what it should.
type proof struct {
	first sync.Mutex
	given atomic.Bool
}

// hold returns what lets the next write go.
func (p *proof) hold() func() {
	if p.given.Load() {
		return func() {}
	}
	p.first.Lock()
	return p.first.Unlock
}

// importPath is the address of a staging table.
func importPath(table string) string { return "api/now/import/" + table }

// imported is the answer of an import set: what each transform map has made of the row. It comes with 201 whatever that is.
type imported struct {
	ImportSet string        `json:"import_set"`
	Result    []transformed `json:"result"`
	Error     *refusal      `json:"error"`
}

type transformed struct {
	Map           value `json:"transform_map"`
	Table         value `json:"table"`
	Status        value `json:"status"`
	SysID         value `json:"sys_id"`
	TargetSysID   value `json:"target_sys_id"`
	RecordLink    value `json:"record_link"`
	ErrorMessage  value `json:"error_message"`
	StatusMessage value `json:"status_message"`
}

// id is the sys_id of the user that the row became. The link and target_sys_id lead there; sys_id alone may be the row's own.
func (t transformed) id() string { return cmp.Or(t.target(), string(t.SysID)) }

// target is the sys_id of the user whom the map has found or made; "" where the answer does not lead there.
func (t transformed) target() string {
	link := string(t.RecordLink)
	return cmp.Or(string(t.TargetSysID), link[strings.LastIndex(link, "/")+1:])
}

func (t transformed) String() string {
	said := slices.Compact([]string{string(t.ErrorMessage), string(t.StatusMessage)})
	text := fmt.Sprintf("transform map %q: %s", string(t.Map), cmp.Or(string(t.Status), "no status"))
	if words := strings.Trim(strings.Join(said, "; "), "; "); words != "" {
		text += ": " + words
	}
	return text
}

// effect is what all transform maps together have made of a row.
type effect struct {
	// inserted and updated are the users who were made and changed, by sys_id, and found those who had it all already.
	inserted, updated, found []string
	// failed is true where a map says that it failed, and later where a map may yet run.
	failed, later bool
	// said is what the maps say, for people, with the import set.
	said string
}

func (a imported) effect() (e effect) {
	var said []string
	for _, t := range a.Result {
		said = append(said, t.String())
		switch {
		case t.Status == "error":
			e.failed = true
		case t.Status == "ignored", t.Status == "skipped":
			if id := t.target(); id != "" && (t.Table == "" || t.Table == userTable) {
				e.found = append(e.found, id)
			}
		case t.Status != "inserted" && t.Status != "updated":
			e.later = true
		case t.Table != "" && t.Table != userTable:
		case t.Status == "inserted":
			e.inserted = append(e.inserted, t.id())
		default:
			e.updated = append(e.updated, t.id())
		}
	}
	if said == nil {
		said = []string{"no transform map has taken the row"}
	}
	e.said = strings.TrimSpace(a.ImportSet + " " + strings.Join(said, "; "))
	return e
}

// others are the users to whom the row went, but for one. Whom a map found who has it all may have been written over by the same row, whose answer
// was lost.
func (e effect) others(id string) []string {
	return slices.DeleteFunc(slices.Concat(e.inserted, e.updated, e.found), func(other string) bool { return other == id })
}

// send writes a row, by columns of sys_user, into the staging table.
func (u *Users) send(ctx context.Context, op string, mode rest.Mode, body map[string]string) (effect, error) {
	set, row := u.d.config.Users.ImportSet, map[string]string{}
	for field, text := range body {
		row[set.column(field)] = text
	}
	if err := u.d.gates.Check(op, time.Now(), importing); err != nil {
		return effect{}, err
	}
	var got imported
	_, err := u.d.do(ctx, rest.Call{Op: op, Mode: mode, Method: http.MethodPost, Path: importPath(set.Table), Body: row, Into: &got})
	if access.IsKind(err, access.NotFound) || rest.StatusOf(err) == http.StatusBadRequest {
		err = access.Errorf(access.Invalid, op, "%s: %w", u.d.key("users.import_set.table"), err)
	}
	if err == nil && (got.Result == nil || got.Error != nil) {
		unclear := map[rest.Mode]access.Kind{rest.Create: access.Unknown, rest.Write: access.Transient}[mode]
		err = access.Errorf(unclear, op, "the answer does not say what the transform map has made of the row")
	}
	return got.effect(), err
}

// wrong returns the error of a row that became something else than was meant, and keeps all further rows back.
func (u *Users) wrong(op string, kind access.Kind, e effect, text string) error {
	set := u.d.config.Users.ImportSet
	expected := u.d.key("users.import_set.coalesce") + ": expected a transform map that finds users by " + set.coalesce() + " alone"
	if e.later {
		expected = u.d.key("users.import_set.table") + ": expected a synchronous import set"
	}
	err, now := access.Errorf(kind, op, "%s (%s). %s", text, e.said, expected), time.Now()
	u.d.gates.Shut(importing, desk.Refusal{Until: now.Add(wrongPause), Kind: access.Forbidden, Why: err.Error()}, now)
	return err
}

// importNew makes a user by the import set, and returns its sys_id. Unknown: it may be there.
func (u *Users) importNew(ctx context.Context, op string, body map[string]string) (string, error) {
	// What is looked at before the wait may be another thing behind it.
	defer u.news.hold()()
	if err := u.nobodyHas(ctx, op, body); err != nil {
		return "", err
	}
	e, err := u.send(ctx, op, rest.Create, body)
	if err != nil {
		return "", err
	}
	made := ""
	if len(e.inserted) > 0 {
		made = e.inserted[0]
	}
	switch others := e.others(made); {
	case made != "" && len(others) > 0:
		return "", u.wrong(op, access.Unknown, e, fmt.Sprintf("user %q is created, and the row was written to other users too: %q", made, others))
	case len(others) > 0:
		return "", u.wrong(op, access.Invalid, e, fmt.Sprintf("no user is created: the row was written over the user %q, who was there", others[0]))
	case e.later:
		return "", u.wrong(op, access.Unknown, e, "the import set does not transform a row at once, so the user may come later")
	case made == "" || e.failed:
		return made, u.notMade(ctx, op, e, body)
	}
	u.news.given.Store(true)
	return made, nil
}

// notMade is the error of a row that became no user, as far as its maps say. The user is looked for, because a map may fail behind the insert.
func (u *Users) notMade(ctx context.Context, op string, e effect, body map[string]string) error {
	name := body[access.UserFieldName]
	err := u.nameIsFree(ctx, op, name, "")
	if err != nil {
		return access.Errorf(access.Unknown, op, "the user %q may be created, and not as asked: %s: %w", name, e.said, err)
	}
	return refusedName(access.Errorf(access.Invalid, op, "no user is created: %s", e.said))
}

// nobodyHas makes sure that no user has what a transform map could find one by: the row of a new user would be written over that one.
func (u *Users) nobodyHas(ctx context.Context, op string, body map[string]string) error {
	key := u.d.config.Users.ImportSet.coalesce()
	if key != idColumn && body[key] == "" {
		return access.Errorf(access.Invalid, op, "%s: expected a value, because the transform map finds users by it", key)
	}
	return u.free(ctx, op, body, "")
}

// free makes sure that nobody but one user has an address or a person's id of those that are written.
func (u *Users) free(ctx context.Context, op string, body map[string]string, id string) error {
	for _, name := range []string{access.UserFieldEmail, u.d.config.Users.PersonField} {
		text := body[name]
		switch {
		case name == "" || text == "" || text == clears:
			continue
		case !writable(text):
			return access.Errorf(access.Invalid, op, "%s: ServiceNow cannot be asked who has %q", name, text)
		}
		rows, err := u.find(ctx, op, condition{name, equal, text})
		if err == nil && slices.ContainsFunc(rows, func(r row) bool { return r.get(idColumn) != id }) {
			err = access.Errorf(access.Conflict, op, "%s: %q is taken", name, text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// importChange writes what differs in a user by the import set. Transient too: somebody has changed the user since before was read.
func (u *Users) importChange(ctx context.Context, op string, before row, changed map[string]string) error {
	defer u.changes.hold()()
	id := before.get(idColumn)
	if err := u.findable(ctx, op, before, changed); err != nil {
		return err
	}
	if err := u.free(ctx, op, changed, id); err != nil {
		return err
	}
	if err := u.carries(ctx, op, before, changed); err != nil {
		return err
	}
	if err := u.unchanged(ctx, op, before); err != nil {
		return err
	}
	e, err := u.send(ctx, op, rest.Write, u.wholeRow(before, changed))
	if err != nil {
		return err
	}
	switch others := e.others(id); {
	case len(e.inserted) > 0:
		return u.wrong(op, access.Invalid, e, fmt.Sprintf("the user %q was not changed: the transform map has made a new user %q", id, e.inserted[0]))
	case len(others) > 0:
		return u.wrong(op, access.Invalid, e, fmt.Sprintf("the row for the user %q was written to another user: %q", id, others[0]))
	case e.later:
		return u.wrong(op, access.Invalid, e, fmt.Sprintf("the import set does not transform a row at once, so the user %q may be changed later", id))
	case e.failed && strings.Contains(e.said, byIndex) && !u.unique(changed):
		// The row has what the user has already, so the map was about to give it to somebody else.
		return u.wrong(op, access.Invalid, e, fmt.Sprintf("the user %q was not changed: the transform map has not found the user", id))
	case e.failed:
		return refusedName(access.Errorf(access.Invalid, op, "%s: %s", strings.Join(slices.Sorted(maps.Keys(changed)), ", "), e.said))
	}
	return u.arrived(ctx, op, e, before, changed)
}

// unchanged makes sure that a user has what was read before, maybe long ago where the row had to wait: a row carries all of it, and would write it
// back. Transient: somebody has changed it, so the caller has to look again at what is to be written.
func (u *Users) unchanged(ctx context.Context, op string, before row) error {
	now, err := u.row(ctx, op, access.UserID(before.get(idColumn)))
	if err != nil {
		return err
	}
	for _, name := range u.written() {
		if now.get(name) != before.get(name) {
			return access.Errorf(access.Transient, op, "%s: somebody has changed the user %q meanwhile, and nothing was written", name, before.get(idColumn))
		}
	}
	return nil
}

// carries makes sure that a row can carry what the user has and keeps: it is sent along, and a staging table that is too short cuts it.
func (u *Users) carries(ctx context.Context, op string, before row, changed map[string]string) error {
	known, err := u.columns(ctx, op)
	if err != nil {
		return err
	}
	var wrong []string
	for _, name := range u.written() {
		field := known.fields[name]
		if name == u.d.config.Users.PersonField {
			field = known.person
		}
		if _, changes := changed[name]; changes {
			continue
		}
		if why := known.refusesText(field, before.get(name)); why != "" {
			wrong = append(wrong, name+": the user has a value that a row cannot carry: "+why)
		}
	}
	if wrong != nil {
		return access.Errorf(access.Invalid, op, "%s", strings.Join(wrong, "; "))
	}
	return nil
}

// arrived reads the user again, and is the error of a row that did not do what it should: what was to be written is not there, or something else of
// the user is another than before.
func (u *Users) arrived(ctx context.Context, op string, e effect, before row, changed map[string]string) error {
	after, err := u.row(ctx, op, access.UserID(before.get(idColumn)))
	if err != nil {
		return err
	}
	for _, name := range u.written() {
		if _, changes := changed[name]; !changes && after.get(name) != before.get(name) {
			return u.wrong(op, access.Invalid, e, fmt.Sprintf("%s: the row for the user %q has changed it from %q to %q, which was not asked for", name,
				before.get(idColumn), before.get(name), after.get(name)))
		}
	}
	if len(e.updated) > 0 {
		u.changes.given.Store(true)
		return nil
	}
	if unkept(op, changed, after) != nil {
		return access.Errorf(access.Invalid, op, "%s: %s", strings.Join(slices.Sorted(maps.Keys(changed)), ", "), e.said)
	}
	return nil
}

// unique reports whether something is changed that an instance may let one user have only.
func (u *Users) unique(changed map[string]string) bool {
	return slices.ContainsFunc([]string{access.UserFieldName, access.UserFieldEmail, u.d.config.Users.PersonField}, func(name string) bool {
		_, changes := changed[name]
		return changes
	})
}

// findable makes sure that the transform map finds this user, and nobody else.
func (u *Users) findable(ctx context.Context, op string, before row, changed map[string]string) error {
	key := u.d.config.Users.ImportSet.coalesce()
	has := before.get(key)
	_, moves := changed[key]
	switch {
	case key == idColumn:
		return nil
	case has == "" || !writable(has):
		return access.Errorf(access.Invalid, op, "%s: found %q; the transform map finds users by it, and cannot find the user %q", key, has, before.get(idColumn))
	case moves:
		return access.Errorf(access.Invalid, op, "%s: the transform map finds users by it, so an import set cannot change it", key)
	}
	rows, err := u.find(ctx, op, condition{key, equal, has})
	if err == nil && len(rows) != 1 {
		err = access.Errorf(access.Invalid, op, "%s: %d users have %q, and the transform map writes to the first", key, len(rows), has)
	}
	return err
}

// wholeRow is the row of a user who is there: all that usher writes of users, for a transform map may empty what a row does not have.
func (u *Users) wholeRow(before row, changed map[string]string) map[string]string {
	whole := map[string]string{idColumn: before.get(idColumn)}
	for _, field := range u.written() {
		text, changes := changed[field]
		if !changes {
			text = before.get(field)
		}
		switch {
		case changes && text == "":
			whole[field] = clears
		case text != "" && text != clears:
			whole[field] = text
		}
	}
	return whole
}
