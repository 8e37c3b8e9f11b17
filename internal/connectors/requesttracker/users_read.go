package requesttracker

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"usher/internal/access"
)

// prove reads RT's system user, whom every RT has. It shows that the credentials are good and which custom fields there are. Forbidden
// too: usher's account may not administer users, so RT shows it little of others.
func (u *Users) prove(ctx context.Context, op string) (userRecord, error) {
	var r userRecord
	_, err := u.driver.get(ctx, op, "user/"+system, nil, &r)
	switch {
	case access.IsKind(err, access.NotFound):
		return userRecord{}, u.driver.noAPI(op, err)
	case err != nil:
		return userRecord{}, err
	case r.text("Name") != system:
		return userRecord{}, access.Errorf(access.Transient, op, "the answer is no user of RT's")
	case !r.administered():
		return userRecord{}, access.Errorf(access.Forbidden, op, "usher's account lacks the right AdminUsers")
	}
	return r, nil
}

// ReadUser implements access.UserDirectory: one call.
func (u *Users) ReadUser(ctx context.Context, id access.UserID) (access.DeskUser, error) {
	return u.load(ctx, "read user", id)
}

// load reads a user. What is no number is asked of nobody, because RT would take it for a name.
func (u *Users) load(ctx context.Context, op string, id access.UserID) (access.DeskUser, error) {
	var r userRecord
	if !ticketNumber.MatchString(string(id)) {
		return access.DeskUser{}, u.unknown(ctx, op, id)
	}
	_, err := u.driver.get(ctx, op, "user/"+string(id), nil, &r)
	switch {
	case access.IsKind(err, access.NotFound):
		return access.DeskUser{}, u.unknown(ctx, op, id)
	case err != nil:
		return access.DeskUser{}, err
	case r.text("Name") == "":
		return access.DeskUser{}, access.Errorf(access.Transient, op, "the answer is no user with a name")
	case !r.administered():
		return access.DeskUser{}, access.Errorf(access.Forbidden, op, "usher's account lacks the right AdminUsers")
	case r.own() || string(r.number()) != string(id):
		// An extension that merges users answers with the other one.
		return access.DeskUser{}, u.unknown(ctx, op, id)
	}
	return u.user(op, r, r.text("Disabled") == "0")
}

// unknown is NotFound, once RT has shown that it is RT and that the credentials are good.
func (u *Users) unknown(ctx context.Context, op string, id access.UserID) error {
	if _, err := u.prove(ctx, op); err != nil {
		return err
	}
	return access.Errorf(access.NotFound, op, "RT has no user %q", id)
}

// question is what RT is asked of users, and what a user has who is an answer.
type question struct {
	field, value string
	of           func(access.DeskUser) string
}

// question is the query in RT's words. Invalid: RT cannot be asked so.
func (u *Users) question(op string, q access.UserQuery) (question, error) {
	switch {
	case q.Person != "" && u.person.name != "":
		field := u.person.name
		if u.person.custom {
			field = "CF.{" + field + "}"
		}
		return question{field, string(q.Person), func(d access.DeskUser) string { return string(d.Person) }}, nil
	case q.Person == "" && q.UserName != "":
		return question{"Name", q.UserName, func(d access.DeskUser) string { return d.Values[access.UserFieldName] }}, nil
	case q.Person == "" && q.Email != "":
		return question{"EmailAddress", q.Email, func(d access.DeskUser) string { return d.Values[access.UserFieldEmail] }}, nil
	}
	return question{}, access.Errorf(access.Invalid, op, "expected a user name, an address, or a person where users.person_field is set")
}

// FindUsers implements access.UserDirectory: a call, and one for each user who is found. Of a search RT leaves out what it does not know,
// and then finds everybody. So each user is read and compared. Forbidden too: RT has found others.
func (u *Users) FindUsers(ctx context.Context, q access.UserQuery) ([]access.DeskUser, error) {
	const op, most = "find users", 10
	asked, err := u.question(op, q)
	if err != nil {
		return nil, err
	}
	rows, err := u.search(ctx, op, asked, most)
	if err != nil {
		return nil, err
	}
	var found []access.DeskUser
	for _, r := range rows {
		user, err := u.load(ctx, op, access.UserID(r.number()))
		switch {
		case access.IsKind(err, access.NotFound):
		case err != nil:
			return nil, err
		case strings.EqualFold(asked.of(user), asked.value):
			found = append(found, user)
		}
	}
	if len(rows) == most && len(found) < most {
		return nil, access.Errorf(access.Forbidden, op, "RT does not search users by %s for usher's account", asked.field)
	}
	return found, nil
}

// search returns the numbers of users who may be an answer.
func (u *Users) search(ctx context.Context, op string, asked question, most int) ([]userRecord, error) {
	query, err := usersWith(op, asked.field, asked.value)
	if err != nil {
		return nil, err
	}
	got, err := u.page(ctx, op, true, url.Values{"query": {query}, "fields": {"id"}, "per_page": {strconv.Itoa(most)}})
	return got.Items, err
}

// page reads one page of users by their numbers; disabled is true for those who are disabled too, whom RT else leaves out. NotFound is about
// the address, and Invalid then.
func (u *Users) page(ctx context.Context, op string, disabled bool, query url.Values) (list[userRecord], error) {
	var got list[userRecord]
	query.Set("orderby", "id")
	if disabled {
		query.Set("find_disabled_rows", "1")
	}
	_, err := u.driver.get(ctx, op, "users", query, &got)
	if access.IsKind(err, access.NotFound) {
		err = u.driver.noAPI(op, err)
	}
	return got, err
}

// everyone is who is in a listing that is whole: so many users, of whom the newest has that number. The listing of all has all fields, the
// one without those who are disabled has the numbers alone.
type everyone struct {
	disabled      bool
	total, newest int
}

// everyone asks who there is before the listing begins. Forbidden: RT does not count for usher's account.
func (u *Users) everyone(ctx context.Context, op string, disabled bool) (everyone, error) {
	got, err := u.page(ctx, op, disabled, url.Values{"order": {"DESC"}, "fields": {"id"}, "per_page": {"1"}})
	switch {
	case err != nil:
		return everyone{}, err
	case got.Total == nil:
		return everyone{}, access.Errorf(access.Forbidden, op, "RT does not say to usher's account how many users there are")
	case len(got.Items) == 0:
		return everyone{}, access.Errorf(access.Transient, op, "RT has listed nobody")
	}
	newest, err := strconv.Atoi(string(got.Items[0].number()))
	if err != nil {
		return everyone{}, access.Errorf(access.Transient, op, "RT has listed a user whose number is none: %w", err)
	}
	return everyone{disabled, *got.Total, newest}, nil
}

// ListUsers implements access.UserDirectory. A list does not say who is disabled, so there are two: of those who are not, and of all. RT never gives
// a number twice, so a list is whole when it has as many users, up to the newest one, as there were when it began. Who came later, by
// mail for example, is left out: else a busy RT could never be listed.
func (u *Users) ListUsers(ctx context.Context, take func([]access.DeskUser) error) (int, error) {
	const op = "list users"
	if _, err := u.prove(ctx, op); err != nil {
		return 0, err
	}
	all, err := u.everyone(ctx, op, true)
	if err != nil {
		return 0, err
	}
	usable, err := u.everyone(ctx, op, false)
	if err != nil {
		return 0, err
	}
	active, n := map[scalar]bool{}, 0
	err = u.each(ctx, op, usable, func(rows []userRecord) error {
		for _, r := range rows {
			active[r.number()] = true
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	err = u.each(ctx, op, all, func(rows []userRecord) error {
		var page []access.DeskUser
		for _, r := range rows {
			if r.own() {
				continue
			}
			user, err := u.user(op, r, active[r.number()])
			if err != nil {
				return err
			}
			page = append(page, user)
		}
		n += len(page)
		if len(page) == 0 {
			return nil
		}
		return take(page)
	})
	return n, err
}

// listed are the fields of a user in a list of all.
func (u *Users) listed() string {
	fields := []string{"id"}
	for _, f := range append(slices.Collect(maps.Values(u.fields)), u.person) {
		switch {
		case f.custom:
			fields = append(fields, "CustomFields")
		case f.name != "":
			fields = append(fields, f.name)
		}
	}
	slices.Sort(fields)
	return strings.Join(slices.Compact(fields), ",")
}

// each reads the pages of a listing. Transient: somebody is missing, or there is a page twice.
func (u *Users) each(ctx context.Context, op string, who everyone, take func([]userRecord) error) error {
	query := url.Values{"per_page": {strconv.Itoa(mostRows)}, "fields": {"id"}}
	if who.disabled {
		query.Set("fields", u.listed())
	}
	n, last := 0, 0
	for page := 1; last < who.newest; page++ {
		query.Set("page", strconv.Itoa(page))
		got, err := u.page(ctx, op, who.disabled, query)
		if err != nil {
			return err
		}
		if len(got.Items) == 0 {
			break
		}
		var rows []userRecord
		for _, r := range got.Items {
			number, err := strconv.Atoi(string(r.number()))
			if err != nil || number <= last {
				return access.Errorf(access.Transient, op, "the users of RT changed while they were listed: user %q came after user %d", r.number(), last)
			}
			if last = number; number <= who.newest {
				rows = append(rows, r)
			}
		}
		n += len(rows)
		if err := take(rows); err != nil {
			return err
		}
	}
	if n != who.total {
		return access.Errorf(access.Transient, op, "RT has %d users and has listed %d", who.total, n)
	}
	return nil
}
