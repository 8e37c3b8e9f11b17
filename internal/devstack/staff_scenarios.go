package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// staffScenarios are those of SYNC=1: the users of the desk follow a file of people.
func staffScenarios() []scenario {
	staff := &staff{}
	return []scenario{
		{"people come, from HR and the directory: who is there is linked, who is not gets a user, each with a manager", staff.come},
		{"people move: another manager, another title, another name", staff.move},
		{"somebody leaves and is switched off, comes back and is switched on", staff.leave},
		{"somebody leaves who has a ticket: the manager gets it", staff.handOver},
		{"groups of the desk follow: a department, and who has somebody to lead", staff.groups},
		{"many leave: held in the source until released, held on the desk until released, with a ticket each until then", staff.many},
		{"an approver and a holder leave: the open approval goes to the new manager, the access ends", staff.follow},
		{"incidents of another system become tickets of integration users, one of whom is switched off", staff.incidents},
	}
}

// staff is the company of these scenes.
type staff struct {
	people []stack.Employee
	// before is the user of ana before usher saw the desk.
	before stack.DeskUser
}

// newcomers is how many people come whom the desk does not know.
const newcomers = 20

func login(id string) string { return id + "@example.test" }

func (s *staff) person(id string) *stack.Employee {
	for i := range s.people {
		if s.people[i].ID == id {
			return &s.people[i]
		}
	}
	return nil
}

// follows writes the file, and has the source and then the desk follow.
func (s *staff) follows(ctx context.Context, p *play) (access.PeopleRun, access.SyncRun, error) {
	people, err := s.listed(ctx, p, stack.PeopleStart{})
	if err != nil {
		return people, access.SyncRun{}, err
	}
	sync, err := p.syncs(ctx, stack.SyncStart{})
	return people, sync, err
}

// listed writes the file, and has the source follow.
func (s *staff) listed(ctx context.Context, p *play, start stack.PeopleStart) (access.PeopleRun, error) {
	if err := stack.WriteStaff(filepath.Join(p.running.dir, stack.StaffFile), s.people); err != nil {
		return access.PeopleRun{}, err
	}
	id, err := p.client.StartPeople(ctx, stack.Auditor, stack.Staff, start)
	if err != nil {
		return access.PeopleRun{}, err
	}
	var run access.PeopleRun
	err = stack.Poll(ctx, func(ctx context.Context) error {
		if run, err = p.client.PeopleRun(ctx, stack.Staff, id); err == nil && !run.Ended() {
			err = fmt.Errorf("the run %s over the people goes on", id)
		}
		return err
	})
	if err == nil && run.Problem != "" {
		err = fmt.Errorf("the run over the people failed: %s", run.Problem)
	}
	return run, err
}

// syncs runs over the users of the desk.
func (p *play) syncs(ctx context.Context, start stack.SyncStart) (access.SyncRun, error) {
	id, err := p.client.StartSync(ctx, stack.Auditor, start)
	if err != nil {
		return access.SyncRun{}, err
	}
	var run access.SyncRun
	err = stack.Poll(ctx, func(ctx context.Context) error {
		if run, err = p.client.Sync(ctx, id); err == nil && !run.Ended() {
			err = fmt.Errorf("the run %s over the users goes on", id)
		}
		return err
	})
	switch {
	case err != nil:
		return run, err
	case run.Problem != "":
		return run, fmt.Errorf("the run over the users failed: %s", run.Problem)
	case run.States[access.SyncFailed] > 0:
		rows, err := p.client.SyncRows(ctx, id, "state=failed")
		return run, errors.Join(err, fmt.Errorf("rows failed: %+v", rows))
	}
	return run, nil
}

// has asks the desk's own HTTP for a user, and wants the user to be so.
func (p *play) has(ctx context.Context, id, what string, right func(stack.DeskUser) bool) (stack.DeskUser, error) {
	user, err := p.client.DeskUser(ctx, login(id))
	if err == nil && (!user.Found || !right(user)) {
		err = fmt.Errorf("%s shows %+v for %s, expected: %s", p.client.DeskName(), user, id, what)
	}
	if err == nil {
		p.check("%s shows %s: %s", p.client.DeskName(), id, what)
	}
	return user, err
}

func (s *staff) come(ctx context.Context, p *play) error {
	for _, one := range [][3]string{{"zoe", "Zoe Zimmer", ""}, {"mia", "Mia Moreau", "zoe"}, {"omar", "Omar Osman", "zoe"}, {"ana", "Ana Alves", "mia"}, {"ben", "Ben Baker", "mia"}} {
		s.people = append(s.people, stack.Employee{ID: one[0], Login: login(one[0]), Mail: login(one[0]), Name: one[1], Manager: one[2], Title: "Engineer", City: "Engineer"})
	}
	for n := range newcomers {
		id := fmt.Sprintf("new-%d", n+1)
		s.people = append(s.people, stack.Employee{ID: id, Login: login(id), Mail: login(id), Name: fmt.Sprintf("Newcomer %d", n+1), Manager: "mia", Title: "Engineer", City: "Engineer"})
	}
	s.person("ana").Department = stack.ResearchGroup
	// The directory knows a better one.
	s.person("omar").Mail = "omar@home.example"
	if err := s.planned(ctx, p); err != nil {
		return err
	}
	run, err := p.syncs(ctx, stack.SyncStart{})
	if err != nil {
		return err
	}
	if run.Counts.Operations[access.UserCreate] != newcomers || run.Counts.Operations[access.UserLink] != len(s.people)-newcomers {
		return fmt.Errorf("the plan has %v, expected %d created and %d linked", run.Counts.Operations, newcomers, len(s.people)-newcomers)
	}
	if err := s.arrived(ctx, p); err != nil {
		return err
	}
	again, err := p.syncs(ctx, stack.SyncStart{})
	if err == nil && len(again.States) > 0 {
		err = fmt.Errorf("the next run has %v, expected nothing", again.States)
	}
	if err == nil {
		p.check("the next run has nothing to do")
	}
	return err
}

// planned has the source follow, and plans what that means for the desk, which stays as it is.
func (s *staff) planned(ctx context.Context, p *play) error {
	var err error
	if s.before, err = p.client.DeskUser(ctx, login("ana")); err != nil {
		return err
	}
	if _, err := s.listed(ctx, p, stack.PeopleStart{}); err != nil {
		return err
	}
	dry, err := p.syncs(ctx, stack.SyncStart{Dry: true})
	if err != nil {
		return err
	}
	early, err := p.client.DeskUser(ctx, login("new-7"))
	switch {
	case err != nil:
		return err
	case dry.States[access.SyncObserved] != len(s.people):
		return fmt.Errorf("a dry run has %v, expected %d observed", dry.States, len(s.people))
	case early.Found:
		return fmt.Errorf("a dry run has created %+v", early)
	}
	p.check("a dry run plans %d rows, and the desk is as it was", len(s.people))
	return nil
}

// arrived looks at who is new, and at who was there.
func (s *staff) arrived(ctx context.Context, p *play) error {
	mia, err := p.client.DeskUser(ctx, login("mia"))
	if err != nil {
		return err
	}
	what := "a user with name and address"
	if p.keepsManagers() {
		what += ", whose manager is mia"
	}
	if _, err := p.has(ctx, "new-7", what, func(u stack.DeskUser) bool {
		return u.Active && u.Mail == login("new-7") && (!p.keepsManagers() || u.Manager == mia.ID)
	}); err != nil {
		return err
	}
	if _, err := p.has(ctx, "omar", "the address of the directory, where HR has another", func(u stack.DeskUser) bool { return u.Mail == login("omar") }); err != nil {
		return err
	}
	_, err = p.has(ctx, "ana", "the user of before", func(u stack.DeskUser) bool { return u.Active && u.ID == s.before.ID })
	return err
}

// keepsManagers reports whether the desk knows managers and titles: Jira does not.
func (p *play) keepsManagers() bool { return p.client.Desk() != stack.Jira }

func (s *staff) move(ctx context.Context, p *play) error {
	ben := s.person("ben")
	ben.Manager, ben.Title, ben.City, ben.Name = "omar", "Lead", "Lead", "Ben Baker-Brown"
	if _, _, err := s.follows(ctx, p); err != nil {
		return err
	}
	omar, err := p.client.DeskUser(ctx, login("omar"))
	if err != nil {
		return err
	}
	_, err = p.has(ctx, "ben", "what the file says of him now", func(u stack.DeskUser) bool {
		if p.keepsManagers() {
			return u.Manager == omar.ID && u.Title == "Lead"
		}
		return u.Name == "Ben Baker-Brown"
	})
	return err
}

func (s *staff) leave(ctx context.Context, p *play) error {
	s.person("new-3").Left = true
	if _, _, err := s.follows(ctx, p); err != nil {
		return err
	}
	off, err := p.has(ctx, "new-3", "switched off, and not deleted", func(u stack.DeskUser) bool { return !u.Active })
	if err != nil {
		return err
	}
	s.person("new-3").Left = false
	if _, _, err := s.follows(ctx, p); err != nil {
		return err
	}
	_, err = p.has(ctx, "new-3", "the same user, switched on", func(u stack.DeskUser) bool { return u.Active && u.ID == off.ID })
	return err
}

// handOver: somebody leaves for whom a ticket is open.
func (s *staff) handOver(ctx context.Context, p *play) error {
	if !p.client.HandsOver() {
		p.check("%s hands nothing over in this stack", p.client.DeskName())
		return nil
	}
	ticket, err := p.client.OpenTicketFor(ctx, login("new-4"))
	if err != nil {
		return err
	}
	s.person("new-4").Left = true
	_, run, err := s.follows(ctx, p)
	if err != nil {
		return err
	}
	mia, err := p.client.DeskUser(ctx, login("mia"))
	if err != nil {
		return err
	}
	owner, err := p.client.TicketOwner(ctx, ticket)
	switch {
	case err != nil:
		return err
	case owner != mia.ID:
		return fmt.Errorf("the ticket is of the user %s, expected mia's, %s; the run: %+v", owner, mia.ID, run.HandOver)
	}
	p.check("%s shows mia as the owner of the ticket of new-4", p.client.DeskName())
	return nil
}

// follow: somebody who approves and somebody who holds access leave in one run.
func (s *staff) follow(ctx context.Context, p *play) error {
	held, err := p.ask(ctx, asked{"demo-held", "ben", "wiki/editor", "", "I write the release notes"})
	if err != nil {
		return err
	}
	if err := held.decide(ctx, "omar", stack.Verdict{Verdict: access.Approve}); err != nil {
		return err
	}
	if err := held.ends(ctx, ending{access.OutcomeGranted, p.client.Statuses().Done, "wiki-editors", true}); err != nil {
		return err
	}
	open, err := p.ask(ctx, asked{"demo-open", "ana", "wiki/editor", "", "I look after the handbook"})
	if err != nil {
		return err
	}
	if err := p.waits(ctx, open.id, "mia"); err != nil {
		return err
	}
	s.person("mia").Left, s.person("ben").Left, s.person("ana").Manager = true, true, "omar"
	run, err := s.listed(ctx, p, stack.PeopleStart{})
	if err != nil {
		return err
	}
	p.check("mia and ben leave, and ana's manager is omar now: run %s applies %d changes", run.ID, run.Applied)
	if err := p.waits(ctx, open.id, "omar"); err != nil {
		return err
	}
	if err := s.refused(ctx, p, open.id); err != nil {
		return err
	}
	if err := open.decide(ctx, "omar", stack.Verdict{Verdict: access.Approve}); err != nil {
		return err
	}
	if err := open.ends(ctx, ending{access.OutcomeGranted, p.client.Statuses().Done, "wiki-editors", true}); err != nil {
		return err
	}
	return s.lost(ctx, p)
}

// waits waits until a request waits for one person only.
func (p *play) waits(ctx context.Context, id access.RequestID, person access.PersonID) error {
	detail, err := p.client.Await(ctx, id, func(d stack.Detail) error {
		if len(d.WaitingOn) != 1 || d.WaitingOn[0].Person != person {
			return fmt.Errorf("it waits for %+v, expected %s", d.WaitingOn, person)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.check("request %s waits for %s", id, person)
	for _, e := range detail.Timeline {
		if e.Type == access.EventReassigned {
			p.check("its timeline: %s", strings.ReplaceAll(e.Text, "\n", " "))
		}
	}
	return nil
}

// refused has mia decide who has left.
func (s *staff) refused(ctx context.Context, p *play, id access.RequestID) error {
	_, err := p.client.Decide(ctx, "mia", id, stack.Verdict{Verdict: access.Approve})
	if stack.StatusOf(err) != http.StatusForbidden {
		return fmt.Errorf("mia approves though she has left: expected 403 with a sentence, found %w", orNone(err))
	}
	p.check("mia, who has left, decides nothing: %q", sentence(err))
	return nil
}

// lost looks at the access of ben, who has left.
func (s *staff) lost(ctx context.Context, p *play) error {
	err := stack.Poll(ctx, func(ctx context.Context) error {
		members, err := p.client.Members(ctx, "wiki-editors")
		if err == nil && slices.Contains(members, "ben") {
			err = errors.New("ben is still in wiki-editors")
		}
		return err
	})
	if err != nil {
		return err
	}
	p.check("the directory shows ben, who has left, in wiki-editors no more")
	var ended access.LeaseView
	err = stack.Poll(ctx, func(ctx context.Context) error {
		leases, err := p.client.Leases(ctx, stack.Auditor, "ben")
		if err == nil && (len(leases) != 1 || leases[0].State != access.LeaseEnded) {
			err = fmt.Errorf("ben's leases are %+v, expected one that has ended", leases)
		}
		if err == nil {
			ended = leases[0]
		}
		return err
	})
	if err == nil {
		p.check("his lease %s has ended, on this proof: %s", ended.Lease.ID, ended.Verification.Evidence)
	}
	return err
}
