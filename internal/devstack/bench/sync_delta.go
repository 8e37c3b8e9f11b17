package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/ldap/ldaptest"
	"usher/internal/devstack/stack"
	"usher/internal/ledger"
)

// directory is the name of the source that can be asked for changes.
const directory access.SourceName = "ad"

// adPasswordEnv is the variable that has the password of its account.
const adPasswordEnv = "AD_PASSWORD"

// deltaFigures are the figures of this part.
var deltaFigures = []string{"sync_delta_seconds", "sync_delta_list_seconds", "sync_whole_list_seconds", "sync_delta_share"}

// syncDelta measures what follows a change in a real directory that can be asked for changes, each size on a system of its own.
func (r *run) syncDelta(ctx context.Context) error {
	if err := ldaptest.ActiveDirectoryInstalled(); err != nil {
		return r.leaveOut(err)
	}
	var before float64
	for i, size := range syncSizes {
		delta, err := r.deltaSize(ctx, size)
		if err != nil {
			return fmt.Errorf("%d people in a directory: %w", size, err)
		}
		if i > 0 {
			r.tell("the run that lists changes, for each who changed, %d people beside %d: %s", size, syncSizes[i-1],
				number(delta/before*float64(syncSizes[i-1])/float64(size)))
		}
		before = delta
	}
	return nil
}

// leaveOut names what is not measured because the directory is not installed. Where everything has to be installed, it gives that error.
func (r *run) leaveOut(missing error) error {
	if os.Getenv("CI") == "true" {
		return missing
	}
	for _, name := range deltaFigures {
		r.figures.lack(name, missing.Error())
	}
	r.tell("LEFT OUT: %s", missing)
	r.note("Changes of a directory were not measured: %s", missing)
	return nil
}

// crowd are the simulator's staff and their manager, as a directory has them.
func crowd(size int) ldaptest.Crowd {
	return ldaptest.Crowd{Size: size, Unit: "staff", Prefix: staffPrefix, Manager: string(boss), MailDomain: mailDomain, Title: title}
}

// deltaSize measures a directory with so many people, of whom some get another title. It gives the seconds of the run that lists these.
func (r *run) deltaSize(ctx context.Context, size int) (seconds float64, err error) {
	home := filepath.Join(r.dir, fmt.Sprint("ad-", size))
	began := time.Now()
	ad, err := ldaptest.ActiveDirectoryOf(ctx, home, crowd(size))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, ad.Stop(), os.RemoveAll(home)) }()
	r.tell("%d people in a directory of their own, %s; to fill it took %s", size, ad.Version, time.Since(began).Round(time.Second))
	o, err := r.openOffice(ctx, officeOptions{
		name: fmt.Sprint("sync-delta-", size), staff: size, rate: syncRate, sources: map[access.SourceName]string{directory: section(ad, crowd(size))},
		// The ids of the directory are its own, so the desk has no place for them.
		env: []string{
			adPasswordEnv + "=" + ad.AdminPassword, "USHER_DESKS_SERVICENOW_SYNC_SOURCE=" + string(directory), "USHER_DESKS_SERVICENOW_SERVICENOW_USERS_PERSON_FIELD=",
		},
	})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, o.stop(ctx)) }()
	if err := r.deltaFirst(ctx, o, size); err != nil {
		return 0, err
	}
	return r.deltaChanged(ctx, o, ad, size)
}

// section is the source's, as YAML in one line.
func section(ad *ldaptest.Server, all ldaptest.Crowd) string {
	return fmt.Sprintf("{kind: ldap, ldap: {directory: active_directory, url: %q, ca_file: %q, bind_dn: %q, password: \"${%s}\", base_dn: %q, "+
		"fields: {user_name: userPrincipalName, attributes: {title: title}}}, people: {cron: \"0 0 1 1 *\", whole_every: 24h, tickets_on: none}}",
		ad.TLSURL, ad.CAFile, ad.AdminDN, adPasswordEnv, all.BaseDN())
}

// deltaFirst has the first runs know everybody and link each to the user of the same name.
func (r *run) deltaFirst(ctx context.Context, o *office, size int) error {
	first, err := o.list(ctx, stack.PeopleStart{}, listed{people: size + 1, applied: size + 1})
	if err != nil {
		return err
	}
	r.tellListed("the first run over them", first)
	began := time.Now()
	if err := o.keep(ctx, func(store *ledger.Store) error { return o.linkKnown(ctx, store) }); err != nil {
		return err
	}
	r.tell("  each is linked to a user of the desk; that took %s", time.Since(began).Round(time.Second))
	nothing, err := o.sync(ctx)
	if err == nil && (len(nothing.run.States) > 0 || nothing.run.Counts.Linked != size+1) {
		err = fmt.Errorf("the run over the users has %d linked people and the rows %v, expected %d and none", nothing.run.Counts.Linked, nothing.run.States, size+1)
	}
	if err == nil {
		r.tell("  the run over the users, of whom nobody differs: %s s", number(nothing.took().Seconds()))
	}
	return err
}

// deltaChanged changes some in the directory and has the desk follow, and has everybody listed then. The figures are those of the last size.
func (r *run) deltaChanged(ctx context.Context, o *office, ad *ldaptest.Server, size int) (float64, error) {
	var some []int
	for n := 1; n <= size; n += movedEach {
		some = append(some, n)
	}
	if err := crowd(size).SetTitle(ad, otherTitle, some); err != nil {
		return 0, err
	}
	delta, err := o.list(ctx, stack.PeopleStart{}, listed{changes: true, people: len(some), applied: len(some)})
	if err != nil {
		return 0, err
	}
	r.tellListed(fmt.Sprintf("%d of them have another title, the run that lists them", len(some)), delta)
	users, err := o.sync(ctx)
	if states := users.run.States; err == nil && (states[access.SyncApplied] != len(some) || len(states) != 1) {
		err = fmt.Errorf("the run over the users has the rows %v, expected %d applied", states, len(some))
	}
	if err != nil {
		return 0, err
	}
	both := delta.took() + users.took()
	r.tell("  the run over the users that applies them at %d rows a second: %s s, both runs %s s", syncRate, number(users.took().Seconds()), number(both.Seconds()))
	whole, err := o.list(ctx, stack.PeopleStart{Whole: true}, listed{people: size + 1})
	if err != nil {
		return 0, err
	}
	r.tellListed("nobody differs, the run that lists everybody", whole)
	share := delta.took().Seconds() / whole.took().Seconds()
	r.tell("  the time of the run that lists changes, as a share of that: %s", number(share))
	r.figures.set("sync_delta_seconds", both.Seconds())
	r.figures.set("sync_delta_list_seconds", delta.took().Seconds())
	r.figures.set("sync_whole_list_seconds", whole.took().Seconds())
	r.figures.set("sync_delta_share", share)
	return delta.took().Seconds(), nil
}

// tellListed shows a run over people.
func (r *run) tellListed(which string, one listResult) {
	r.tell("  %s: %s s; processor time of the worker %s s; %d events; at most %s MB of the worker", which, number(one.took().Seconds()), number(one.cpu.Seconds()),
		one.events, number(one.peak))
	r.tellSteps(one.cost)
}

// listResult is what one run over the people of the directory cost.
type listResult struct {
	run access.PeopleRun
	cost
}

func (l listResult) took() time.Duration { return l.run.EndedAt.Sub(l.run.BeganAt) }

// listed is what a run over people is expected to have: a listing of changes or of everybody, so many people on it, and so many changes applied.
type listed struct {
	changes         bool
	people, applied int
}

// list runs over the people of the directory once, by hand. A run that is not as expected is an error.
func (o *office) list(ctx context.Context, start stack.PeopleStart, expected listed) (listResult, error) {
	var l listResult
	client := o.up.Client()
	var err error
	l.cost, err = o.costOf(ctx, func(ctx context.Context) (string, error) {
		id, err := client.StartPeople(ctx, stack.Auditor, directory, start)
		if err != nil {
			return "", err
		}
		err = stack.Poll(ctx, func(ctx context.Context) error {
			if l.run, err = client.PeopleRun(ctx, directory, id); err == nil && !l.run.Ended() {
				err = fmt.Errorf("the run %s over the people goes on; %s tells of it", id, o.up.Log("worker"))
			}
			return err
		})
		if err == nil && (l.run.Problem != "" || l.run.Held > 0) {
			err = fmt.Errorf("the run over the people held %d changes back (%v): %s", l.run.Held, l.run.Holds, l.run.Problem)
		}
		return l.run.Workflow, err
	})
	if found := (listed{l.run.Listing.Changes, l.run.Listing.People, l.run.Applied}); err == nil && found != expected {
		err = fmt.Errorf("the run over the people has %+v, expected %+v", found, expected)
	}
	return l, err
}

// linkKnown links everybody whom the snapshot has.
func (o *office) linkKnown(ctx context.Context, store *ledger.Store) error {
	var people []access.PersonRecord
	for after := access.PersonID(""); ; {
		page, err := store.KnownPeople(ctx, directory, after, ledger.MaxPeople)
		if err != nil {
			return err
		}
		for _, one := range page {
			people, after = append(people, one.Record), one.Record.ID
		}
		if len(page) < ledger.MaxPeople {
			return o.linkAll(ctx, store, people)
		}
	}
}
