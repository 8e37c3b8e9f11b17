package bench

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/internal/devstack/stack"
	"usher/internal/ledger"
)

// office is a system whose desk's users follow people.
type office struct {
	up       *stack.Stack
	temporal client.Client
	usher    *usher
	// runs is how many runs over the people the snapshot was made by.
	runs int
}

// officeOptions say which: so many of staff have an account of the desk, and so many users may be written a second. sources and env are what else the
// worker has, as stack.Options take it.
type officeOptions struct {
	name    string
	staff   int
	rate    int
	sources map[access.SourceName]string
	env     []string
}

// openOffice starts the system. Little but the runs over the users calls its desk: the watch asks once a minute. Nothing slows the calls down.
func (r *run) openOffice(ctx context.Context, c officeOptions) (*office, error) {
	up, err := startStack(ctx, stack.Options{
		Dir: filepath.Join(r.dir, c.name), Root: r.options.Root, Headless: true, Built: r.built, Catalog: catalog, Desk: stack.ServiceNow, Staff: true,
		NoIntake: true, SimulatorArgs: []string{"-staff", strconv.Itoa(c.staff)}, StarterEnv: pod(),
		MoreSources: c.sources,
		WorkerEnv: slices.Concat(pod(), c.env, []string{
			"USHER_DESKS_SERVICENOW_SERVICENOW_RATE=" + strconv.Itoa(unbraked), "USHER_DESKS_SERVICENOW_WATCH_INTERVAL=1m",
			"USHER_DESKS_SERVICENOW_SYNC_WRITES_PER_SECOND=" + strconv.Itoa(c.rate), "USHER_HEALTH_PROFILE=true",
		}),
	})
	if err != nil {
		return nil, err
	}
	r.built = true
	o := &office{up: up}
	o.temporal, err = client.DialContext(ctx, client.Options{HostPort: up.URLs().TemporalAddress, Logger: silent{}})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reach the Temporal server: %w", err), up.Stop(context.WithoutCancel(ctx)))
	}
	o.usher = newUsher(up.URLs(), o.temporal, clients)
	return o, nil
}

func (o *office) stop(ctx context.Context) error {
	o.temporal.Close()
	return o.up.Stop(context.WithoutCancel(ctx))
}

// boss is everybody's manager, who has a user of the desk.
const boss access.PersonID = "mia"

// The title of the simulator's staff, and another.
const (
	title      = "Engineer"
	otherTitle = "Lead Engineer"
)

// How the simulator names its staff: the prefix with 1, 2 and so on.
const (
	staffPrefix = "staff-"
	mailDomain  = "example.test"
)

// employee is somebody of the simulator's staff, or somebody new.
func employee(id access.PersonID, title string) access.PersonRecord {
	one := access.PersonRecord{Person: access.Person{
		ID: id, UserName: string(id) + "@" + mailDomain, Email: string(id) + "@" + mailDomain, DisplayName: "Employee " + string(id), Manager: boss, Active: true,
	}}
	if title != "" {
		one.Attributes = map[string][]string{"title": {title}}
	}
	return one
}

// staffID is the id of the nth of the simulator's staff.
func staffID(n int) access.PersonID { return access.PersonID(fmt.Sprint(staffPrefix, n+1)) }

// theBoss is the record of boss.
func theBoss() access.PersonRecord {
	one := employee(boss, "")
	one.Manager = ""
	return one
}

// link has the snapshot know everybody as the desk has them, and links each to the user of the same name.
func (o *office) link(ctx context.Context, size int) error {
	people := []access.PersonRecord{theBoss()}
	for n := range size {
		people = append(people, employee(staffID(n), title))
	}
	return o.keep(ctx, func(store *ledger.Store) error {
		if err := o.follow(ctx, store, people); err != nil {
			return err
		}
		return o.linkAll(ctx, store, people)
	})
}

// newcomers are so many people whom the desk does not know. Nobody manages the manager.
func newcomers(prefix string, size int, manager access.PersonID) []access.PersonRecord {
	var people []access.PersonRecord
	for n := range size {
		one := employee(access.PersonID(fmt.Sprint(prefix, n+1)), title)
		if one.Manager = manager; one.ID == manager {
			one.Manager = ""
		}
		people = append(people, one)
	}
	return people
}

// hire has the snapshot know people, and links boss alone.
func (o *office) hire(ctx context.Context, people []access.PersonRecord) error {
	known := []access.PersonRecord{theBoss()}
	return o.keep(ctx, func(store *ledger.Store) error {
		if err := o.follow(ctx, store, append(known, people...)); err != nil {
			return err
		}
		return o.linkAll(ctx, store, known)
	})
}

// move has the snapshot know another title of some people, and gives how many they are.
func (o *office) move(ctx context.Context, size int) (int, error) {
	var people []access.PersonRecord
	for n := 0; n < size; n += movedEach {
		people = append(people, employee(staffID(n), otherTitle))
	}
	return len(people), o.keep(ctx, func(store *ledger.Store) error { return o.follow(ctx, store, people) })
}

// keep opens the ledger.
func (o *office) keep(ctx context.Context, do func(*ledger.Store) error) (err error) {
	store, err := ledger.Open(ctx, ledger.Config{URL: "sqlite:" + filepath.Join(o.up.Dir(), "ledger.db")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := do(store); err != nil {
		return fmt.Errorf("seed the ledger: %w", err)
	}
	return nil
}

// follow writes people into the snapshot, as a run over them does.
func (o *office) follow(ctx context.Context, store *ledger.Store, people []access.PersonRecord) error {
	o.runs++
	run := access.PeopleRun{Source: stack.Staff, ID: fmt.Sprint("seed-", o.runs), Workflow: fmt.Sprint("seed-", o.runs), BeganAt: time.Now()}
	if err := store.BeginPeopleRun(ctx, run); err != nil {
		return err
	}
	run.Plan = run.ID
	if err := store.SavePeopleRun(ctx, run); err != nil {
		return err
	}
	for some := range slices.Chunk(people, ledger.MaxPeople) {
		var changes []access.PersonChange
		for _, one := range some {
			changes = append(changes, access.PersonChange{
				Person: one.ID, Class: access.ClassJoiner, Listed: true, After: access.KnownPerson{Record: one, State: access.PersonPresent, Joined: true},
			})
		}
		if err := store.ApplyPeople(ctx, run, changes); err != nil {
			return err
		}
	}
	run.EndedAt = time.Now()
	return store.SavePeopleRun(ctx, run)
}

// linkAll links people to the users of their names, many at a time: the ledger commits together what comes together.
func (o *office) linkAll(ctx context.Context, store *ledger.Store, people []access.PersonRecord) error {
	users, err := o.users(ctx)
	if err != nil {
		return err
	}
	const atOnce = 64
	todo, results := make(chan access.PersonRecord, len(people)), make(chan error, atOnce)
	for _, one := range people {
		todo <- one
	}
	close(todo)
	for range atOnce {
		go func() {
			for one := range todo {
				link := access.DeskLink{Person: one.ID, User: users[one.UserName], How: access.LinkPerson, Run: "seed", At: time.Now()}
				if err := store.SaveDeskLink(ctx, o.desk(), link, ""); err != nil {
					results <- err
					return
				}
			}
			results <- nil
		}()
	}
	var wrong []error
	for range atOnce {
		wrong = append(wrong, <-results)
	}
	return errors.Join(wrong...)
}

func (o *office) desk() access.DeskName { return access.DeskName(stack.ServiceNow) }

// users asks the desk for the ids of its users, by their names.
func (o *office) users(ctx context.Context) (map[string]access.UserID, error) {
	found := map[string]access.UserID{}
	const limit = 5000
	for after := ""; ; {
		var page struct {
			Result []struct {
				ID   string `json:"sys_id"`
				Name string `json:"user_name"`
			}
		}
		query := url.Values{"sysparm_query": {"sys_id>" + after + "^ORDERBYsys_id"}, "sysparm_fields": {"sys_id,user_name"}, "sysparm_limit": {strconv.Itoa(limit)}}
		err := o.usher.call(ctx, outgoing{
			method: http.MethodGet, address: o.up.URLs().Desk + "/api/now/table/sys_user?" + query.Encode(), into: &page,
			header: "Authorization", value: "Basic " + base64.StdEncoding.EncodeToString([]byte("usher.bot:"+simulatorToken)),
		})
		if err != nil {
			return nil, fmt.Errorf("read the users of the desk: %w", err)
		}
		for _, u := range page.Result {
			found[u.Name], after = access.UserID(u.ID), u.ID
		}
		if len(page.Result) < limit {
			return found, nil
		}
	}
}
